"""Checks a running server against its own description, docs/openapi.json, by schemathesis.

Usage: check.py PROGRAM [SECONDS] [SEED]. It starts the built program on a folder of its own, makes something of each kind
(processes, executions, approvals, templates, schedules, webhooks, users, keys, views), and sends requests that follow the
description, and some that do not, as an administrator: no answer may be a 5xx, have a status, a type or headers that the
description does not name, or a body that does not fit. `hooks.py` has requests name what there is.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PASSWORD = "correct-horse-battery-staple-1"

AGENTS = """
agents:
  echo: {kind: echo}
  failing: {kind: script, replies: [{fail: {code: AGENT_ERROR}}]}
  slow: {kind: script, replies: [{when: the slow step, reply: done, delay: 1h}, {reply: done}]}
"""

WORKS = """
name: works
input:
  topic: {type: string, default: tea}
triggers:
  - {type: schedule, id: nightly, cron: "0 3 * * *"}
  - {type: webhook, id: open}
steps:
  - {id: write, type: agent_task, agent: echo, message: "Write about {{input.topic}}"}
  - {id: read, type: agent_task, agent: echo, depends_on: write, message: "Read {{steps.write.output.response}}"}
outputs:
  text: "{{steps.read.output.response}}"
"""

ASKS = """
name: asks
steps:
  - {id: write, type: agent_task, agent: echo, message: hello}
  - id: review
    type: human_approval
    depends_on: write
    title: Good enough?
    on_changes_requested: {rerun: write}
"""

FAILS = """
name: fails
config: {cost_alert: 1}
steps:
  - {id: try, type: agent_task, agent: failing, message: hello, retry: {max_attempts: 1}}
"""

WAITS = """
name: waits
steps:
  - {id: wait, type: agent_task, agent: slow, message: the slow step, timeout: 2h}
"""


class Server:
    """The program on a folder of its own; it ends with the `with`."""

    def __init__(self, program, folder):
        Path(folder, "agents.yaml").write_text(AGENTS)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PROCESSION_")}
        environment |= {"PROCESSION_AUTH__ADMIN_PASSWORD": PASSWORD, "PROCESSION_LOG__FILTER": "warn"}
        command = [program, "serve", "--listen", "127.0.0.1:0", "--data-dir", folder]
        self.log = Path(folder, "log").open("w+")
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.folder, self.url, self.token = folder, None, None
        for line in self.process.stdout:
            if found := re.search(r"http://\S+", line):
                self.url = found[0]
                break
        else:
            raise SystemExit("the server did not start:\n" + Path(folder, "log").read_text())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def send(self, method, path, body=None, form=None):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        payload = form.encode() if form else None if body is None else json.dumps(body).encode()
        headers |= {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json"}
        request = urllib.request.Request(self.url + path, payload, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def log_in(self):
        """Comes in with a key: requests may end sessions, but no key whose id they do not know."""
        self.token = self.send("POST", "/api/token", form=f"username=admin&password={PASSWORD}")["access_token"]
        key = self.send("POST", "/api/keys", {"name": "checks"})
        self.token, self.key_id = key["key"], key["id"]


def make(server):
    """Makes something of each kind. What the requests destroy is made in numbers."""
    for name, role in [("ann", "designer"), ("ben", "operator"), ("cleo", "approver"), ("dan", "viewer")]:
        server.send("POST", "/api/users", {"username": name, "password": PASSWORD, "role": role})
        server.send("POST", "/api/keys", {"name": f"of {name}", "user": name, "scopes": ["process:read"]})
    for text in [WORKS, ASKS, FAILS, WAITS]:
        process = server.send("POST", "/api/processes", {"yaml_content": text})["id"]
        server.send("POST", f"/api/processes/{process}/publish")
        for _ in range(4):
            server.send("POST", f"/api/processes/{process}/execute", {"input": {}})
    for number in range(12):
        draft = ASKS.replace("name: asks", f"name: draft-{number}")
        server.send("POST", "/api/processes", {"yaml_content": draft})
    text = ASKS.replace("name: asks", "name: made-from-template")
    template = {"name": "sample", "display_name": "Sample", "description": "A sample", "definition_yaml": text}
    server.send("POST", "/api/process-templates", template)
    server.send("POST", "/api/views", {"name": "failures", "page": "executions", "filters": {"status": "failed"}})


def check(server, seconds, seed):
    """Runs schemathesis; its exit code."""
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        program, "--config-file", HERE / "schemathesis.toml", "run", HERE.parents[1] / "docs/openapi.json",
        "--url", server.url, "--header", f"Authorization: Bearer {server.token}",
        "--seed", str(seed), "--max-time", str(seconds), "--continue-on-failure", "--generation-database", "none",
    ]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "API_TOKEN": server.token}
    environment |= {"API_URL": server.url, "API_KEY_ID": server.key_id}
    return subprocess.run(command, env=environment, cwd=server.folder).returncode


def main():
    program = str(Path(sys.argv[1]).resolve())
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with tempfile.TemporaryDirectory() as folder, Server(program, folder) as server:
        server.log_in()
        make(server)
        code = check(server, seconds, seed)
        if code:
            print("the server's log:", Path(folder, "log").read_text()[-4000:], sep="\n")
        return code


if __name__ == "__main__":
    sys.exit(main())
