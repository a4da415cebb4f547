"""Sends what the preset `zadarma` makes of recorded courses to the receiver in the package of Django-CRM, as it is there.

The package as a whole needs a newer Python than many systems have, so its view runs alone: what it looks up in its database
is answered here. Prints a line of JSON for each delivery: which course, whether it was taken, and the number it looked up.
"""

import json
import re
import sys
import types
from pathlib import Path

import django
from django.conf import settings
from django.test import RequestFactory

GOLDEN, SECRET, HERE = Path(sys.argv[1]), "secret", "127.0.0.1"
settings.configure(
    USE_I18N=False,
    ALLOWED_HOSTS=["*"],
    VOIP=[{"PROVIDER": "Zadarma", "IP": HERE, "OPTIONS": {"key": "", "secret": SECRET}}],
    VOIP_FORWARDING_IP="",
    VOIP_FORWARD_DATA=False,
)
django.setup()

asked: list[str] = []
told: list[str] = []


class Found:
    """One contact with one deal, whatever is looked for."""

    id, full_name = 1, "Erika Mustermann"

    def was_in_touch_today(self):
        pass

    def add_to_workflow(self, entry):
        told.append(entry)

    def save(self):
        pass

    def filter(self, *_, **__):
        return self

    order_by = filter

    def first(self):
        return self


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


class Known:
    """The table of contacts, of leads, of deals."""

    objects = Found()


module("crm")
module("crm.models", Contact=Known, Lead=Known, Deal=Known)
module("common")
module("common.utils")
module("common.utils.helpers", add_phone_q_params=asked.append)

from voip.views.voipwebhook import VoIPWebHook  # noqa: E402

view = VoIPWebHook.as_view()


def deliver(course, body, headers):
    asked.clear()
    told.clear()
    request = RequestFactory().post(
        "/voip/zd/",
        body,
        content_type=headers["content-type"],
        HTTP_SIGNATURE=headers["signature"],
        REMOTE_ADDR=HERE,
    )
    status = view(request).status_code
    print(json.dumps({"course": course, "status": status, "taken": bool(told), "number": (asked or [None])[0]}))


for part in re.split(r"^# ", GOLDEN.read_text(), flags=re.M)[1:]:
    course, *blocks = part.strip().split("\n\n")
    for head, body in zip(blocks[::2], blocks[1::2]):
        if not head.startswith("POST "):
            continue
        headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
        body = body.replace("\n", "")
        deliver(course, body, headers)
        deliver("forged", body.replace("call_start=2026", "call_start=2025"), headers)
