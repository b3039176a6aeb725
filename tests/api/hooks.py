"""Has requests name what there is, three times of four: an invented id is only ever not found."""

import json
import os
import urllib.request
import zlib

import schemathesis

URL, TOKEN = os.environ["API_URL"], os.environ["API_TOKEN"]

# Looked up anew after so many requests: what there is changes.
LOOK_EVERY = 150

# Where ids of a kind are listed, and how they are found there.
LISTS = {
    "process_id": ("/api/processes?limit=50", "processes", "id"),
    "execution_id": ("/api/executions?limit=50", "executions", "id"),
    "approval_id": ("/api/approvals?limit=50", "approvals", "id"),
    "template_id": ("/api/process-templates", "templates", "id"),
    "schedule_id": ("/api/triggers/schedules", "schedules", "id"),
    "trigger_id": ("/api/triggers", "triggers", "id"),
    "alert_id": ("/api/alerts", "alerts", "id"),
    "view_id": ("/api/views", "views", "id"),
    "key_id": ("/api/keys", "keys", "id"),
    "audit_id": ("/api/audit?limit=50", "entries", "id"),
    "delivery_id": ("/api/deliveries?limit=50", "deliveries", "id"),
    "item_id": ("/api/operator-queue", "items", "id"),
    "notification_id": ("/api/notifications", "notifications", "id"),
}
FIXED = {
    "step_id": ["write", "read", "review", "try", "wait"],
    "process_name": ["works"],
    "threshold_type": ["per_execution", "daily", "weekly"],
}

# The user as whom the requests come in, and the id of their key.
SACRED = {"admin", os.environ["API_KEY_ID"]}

known, requests = {}, 0


def ids(kind):
    path, _, key = LISTS[kind]
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        listed = json.load(answer)
    if isinstance(listed, dict):
        listed = next((value for value in listed.values() if isinstance(value, list)), [])
    return [row[key] for row in listed if row[key] not in SACRED]


def look():
    known.update(FIXED)
    known.update({kind: ids(kind) for kind in LISTS})
    known["name"] = ["ann", "ben", "cleo", "dan", "echo"]


@schemathesis.hook
def before_call(context, case, kwargs):
    global requests
    if requests % LOOK_EVERY == 0:
        look()
    requests += 1
    for name, invented in (case.path_parameters or {}).items():
        if case.method != "GET" and invented in SACRED:
            # Without them no further request would come in.
            case.path_parameters[name] = "00000000-0000-4000-8000-000000000000"
            continue
        dice = zlib.crc32(f"{requests} {invented}".encode(errors="replace"))
        # What is destroyed by nearly each request would soon be gone.
        rare = case.method == "DELETE" and dice % 8 > 0
        if known.get(name) and dice % 4 > 0 and not rare:
            case.path_parameters[name] = known[name][dice // 4 % len(known[name])]
