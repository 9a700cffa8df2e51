"""The life of a key by apypie: PORTAL USER KEY CACHE. Prints what each call gave, as JSON."""

import json
import sys

import apypie

portal, user, key, cache = sys.argv[1:]
api = apypie.Api(uri=portal, api_version=2, language="en", apidoc_cache_base_dir=cache)
keys = api.resource("ssh_keys")
created = keys.call("create", {"user_id": user, "ssh_key": {"name": "laptop", "key": key}})
listed = keys.call("index", {"user_id": user, "search": 'name = "laptop"', "per_page": 4294967296})
shown = keys.call("show", {"user_id": user, "id": created["id"]})
deleted = keys.call("destroy", {"user_id": user, "id": created["id"]})
left = keys.call("index", {"user_id": user})
try:
    keys.call("create", {"user_id": user})
    missing = None
except Exception as error:  # what it is called is apypie's
    missing = type(error).__name__
print(json.dumps({
    "status": api.resource("home").call("status")["result"],
    "listed": [row["id"] for row in listed["results"]] == [created["id"]],
    "shown": shown == created,
    "deleted": deleted["id"] == created["id"],
    "left": left["total"],
    "missing": missing,
}))
