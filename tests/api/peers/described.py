"""Reads the descriptions of a running daemon as their own tools do, and every event it has told against them.

usage: described.py URL TOKEN ASYNCAPI_SCHEMA
"""

import json
import sys
import urllib.request

from jsonschema import Draft7Validator, Draft202012Validator
from openapi_spec_validator import validate

url, token, schema = sys.argv[1:]


def get(path):
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


openapi = get("/openapi.json")
validate(openapi)
assert openapi["openapi"].startswith("3.1."), openapi["openapi"]

asyncapi = get("/asyncapi.json")
with open(schema, encoding="utf-8") as file:
    Draft7Validator(json.load(file)).validate(asyncapi)

seen = set()
after = "0"
while True:
    page = get(f"/v1/events?after={after}")
    for event in page["events"]:
        name = event["type"].replace(".", "_")
        payload = {"$ref": f"#/components/messages/{name}/payload", "components": asyncapi["components"]}
        Draft202012Validator(payload).validate(event)
        seen.add(event["type"])
    if not page["events"]:
        break
    after = page["next"]

# Objects of the lists, by the other description.
for path, name in [("/v1/snapshot", "Snapshot"), ("/v1/calls", "Calls"), ("/v1/agents", "Agents"), ("/v1/queues", "Queues")]:
    Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": openapi["components"]}).validate(get(path))

missing = {"call.started", "call.queued", "call.offered", "call.answered", "agent.state"} - seen
assert not missing, f"not told: {missing}"
print(f"{len(openapi['paths'])} paths, {len(seen)} of {len(asyncapi['components']['messages'])} types of events seen")
