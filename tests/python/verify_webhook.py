"""Verifies a request by the Python library of the Standard Webhooks project: verify_webhook.py REQUEST.json

The request is {"headers": {...}, "body": "..."}; the secret is the variable SECRET.
"""

import json
import os
import sys

from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

with open(sys.argv[1], encoding="utf-8") as file:
    request = json.load(file)
webhook = Webhook(os.environ["SECRET"])
told = webhook.verify(request["body"], request["headers"])
assert told["event"] == "process_completed", told
try:
    webhook.verify(request["body"] + " ", request["headers"])
except WebhookVerificationError:
    pass
else:
    sys.exit("a body that was changed is taken for the one that was sent")
