/** A server of its own for each file of tests: the real program on a folder that goes away. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test as base, type Page } from "@playwright/test";

const PROGRAM = process.env.PROCESSION_BIN ?? fileURLToPath(new URL("../../../../target/debug/procession", import.meta.url));

export const PASSWORD = "correct horse";

/** The surroundings without settings: the program refuses variables that name none, such as the one read above. */
const surroundings = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PROCESSION_")));

/** What the tests read of answers. */
interface Told {
  id: string;
  status: string;
  yaml_content: string;
  processes: { id: string; name: string }[];
  total: number;
}

export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "procession-console-"));
  address = "";
  private process: ChildProcess | undefined;
  private token = "";

  /** Starts it, after the first time at the same address. */
  async start(how: { isNew?: boolean } = {}): Promise<void> {
    const listen = this.address === "" ? "127.0.0.1:0" : new URL(this.address).host;
    const environment = how.isNew ? {} : { PROCESSION_AUTH__ADMIN_PASSWORD: PASSWORD };
    const started = spawn(PROGRAM, ["serve", "--demo", "--listen", listen, "--data-dir", this.folder], {
      env: { ...surroundings, ...environment, PROCESSION_LOG__FILTER: "warn" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.process = started;
    for await (const line of createInterface({ input: started.stdout })) {
      const found = /listens on (http:\S+)/.exec(line);
      if (!found?.[1]) continue;
      this.address = found[1];
      started.stdout.resume();
      return;
    }
    throw new Error(`${PROGRAM} has ended before it listened`);
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const running = this.process;
    this.process = undefined;
    if (running?.exitCode !== null) return;
    running.kill("SIGKILL");
    await once(running, "exit");
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Asks the API as the administrator. */
  async api(method: string, path: string, body?: unknown): Promise<Told> {
    if (this.token === "") {
      const form = new URLSearchParams({ username: "admin", password: PASSWORD });
      const session = (await (await fetch(`${this.address}/api/token`, { method: "POST", body: form })).json()) as { access_token: string };
      this.token = session.access_token;
    }
    const headers = { authorization: `Bearer ${this.token}`, "content-type": "application/json" };
    const response = await fetch(this.address + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? {} : JSON.parse(text)) as Told;
  }

  /** Publishes a definition; its id. */
  async publish(yaml: string): Promise<string> {
    const made = await this.api("POST", "/api/processes", { yaml_content: yaml });
    await this.api("POST", `/api/processes/${made.id}/publish`);
    return made.id;
  }

  /** Starts a run of a version; its id. */
  async run(process: string, input: object = {}): Promise<string> {
    return (await this.api("POST", `/api/processes/${process}/execute`, { input })).id;
  }

  /** Waits until a run is in a state. */
  async until(run: string, status: string): Promise<void> {
    for (;;) {
      const found = await this.api("GET", `/api/executions/${run}`);
      if (found.status === status) return;
      if (["completed", "failed", "cancelled"].includes(found.status)) throw new Error(`the run is ${found.status}, not ${status}`);
      await new Promise((then) => setTimeout(then, 100));
    }
  }
}

/** Signs a page in without the form. */
export async function signIn(page: Page, server: Server, username = "admin", password = PASSWORD): Promise<void> {
  const answer = await page.request.post(`${server.address}/api/session`, { data: { username, password } });
  if (!answer.ok()) throw new Error(`${username} can't sign in: ${answer.status()}`);
}

/** Tests whose page is signed in as the administrator of a demo server; each file of them has a server of its own. */
export const test = base.extend<{ home: Page; server: Server }, { servers: { of: (file: string) => Promise<Server> } }>({
  servers: [
    async ({}, use) => {
      let current: { file: string; server: Server } | undefined;
      await use({
        of: async (file) => {
          if (current?.file === file) return current.server;
          await current?.server.stop();
          current = { file, server: new Server() };
          await current.server.start();
          return current.server;
        },
      });
      await current?.server.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],
  server: async ({ servers }, use, { file }) => use(await servers.of(file)),
  baseURL: async ({ server }, use) => use(server.address),
  home: async ({ page, server }, use) => {
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(error.message));
    await signIn(page, server);
    await use(page);
    if (problems.length > 0) throw new Error(`The page has thrown: ${problems.join("; ")}`);
  },
});

export { expect } from "@playwright/test";

/** A process that asks a person. */
export const ASKS = (name: string): string => `name: ${name}
version: 1
steps:
  - id: draft
    type: agent_task
    agent: echo
    message: The **draft** of a contract
  - id: ask
    name: Look at the draft
    type: human_approval
    depends_on: [draft]
    title: "Contract of ${name}"
    description: Is it *good*?
  - id: sign
    type: agent_task
    agent: echo
    message: Signed
    depends_on: [ask]
`;

/** A process that waits for so long. */
export const WAITS = (name: string, duration: string): string => `name: ${name}
version: 1
steps:
  - {id: first, type: agent_task, agent: echo, message: one}
  - {id: rest, type: timer, duration: ${duration}, depends_on: [first]}
  - {id: last, type: agent_task, agent: echo, message: two, depends_on: [rest]}
`;
