"""Sends ITEMS documents through the official client of Elasticsearch, by `helpers.bulk`:
with Basic and with ApiKey, to an index of the call and to one of each document; and asks
what that client's users ask. Arguments: BASE KEY ITEMS."""

import datetime
import sys

from elasticsearch import Elasticsearch, helpers

base, key, items = sys.argv[1], sys.argv[2], int(sys.argv[3])
trace = "0af7651916cd43dd8448eb211c80319c"


def documents(service, **action):
    for n in range(items):
        now = datetime.datetime.now(datetime.timezone.utc)
        yield {
            **{name: value.format(n=n) for name, value in action.items()},
            "@timestamp": now.isoformat(),
            "message": f"item {n} of the client",
            "log.level": "warn",
            "service": {"name": service},
            "trace": {"id": trace},
            "labels": {"n": n},
        }


def send(client, documents, **options):
    assert client.ping()
    assert client.info()["tagline"] == "You Know, for Search"
    done, errors = helpers.bulk(client, documents, **options)
    assert (done, errors) == (items, []), (done, errors)


with Elasticsearch(f"{base}/elastic", basic_auth=("any", key)) as client:
    send(client, documents("elastic-basic"), index="logs-shop")
with Elasticsearch(f"{base}/elastic", api_key=key, http_compress=True) as client:
    send(client, documents("elastic-key", _index="logs-own", _op_type="create", _id="{n}"))
with Elasticsearch(f"{base}/elastic", api_key=("id", key)) as client:
    done = sum(ok for ok, _ in helpers.streaming_bulk(client, documents("elastic-pair")))
    assert done == items, done
    # What cannot be taken is told for itself.
    old = {"@timestamp": "1999-01-01T00:00:00Z", "message": "old", "_index": "x"}
    done, errors = helpers.bulk(client, [old], raise_on_error=False)
    assert done == 0 and errors[0]["index"]["status"] == 400, (done, errors)
