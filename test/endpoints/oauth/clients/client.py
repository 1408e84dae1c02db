"""Takes requests-oauthlib through the API, and prints what it saw as JSON."""

import json
import os

import requests
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

client_id, secret, scope = (os.environ[name] for name in ("CLIENT_ID", "CLIENT_SECRET", "SCOPE"))
customers_url = os.environ["CUSTOMERS_URL"]
metadata = requests.get(os.environ["ISSUER"] + "/.well-known/oauth-authorization-server").json()


def token_for(secret, scope):
    # The client sends the scope, and not the session.
    client = BackendApplicationClient(client_id=client_id, scope=scope.split(" "))
    session = OAuth2Session(client=client)
    if os.environ["METHOD"] == "post":
        token = session.fetch_token(
            metadata["token_endpoint"], client_secret=secret, include_client_id=True
        )
    else:
        token = session.fetch_token(
            metadata["token_endpoint"], auth=HTTPBasicAuth(client_id, secret)
        )
    return session, token


def status_of(session):
    return session.get(customers_url).status_code


def error_of(secret, scope):
    try:
        token_for(secret, scope)
    except OAuth2Error as error:
        return error.error
    return "none"


first, token = token_for(secret, scope)
called = status_of(first)
second, other = token_for(secret, scope)
url, headers, body = first._client.prepare_token_revocation_request(
    metadata["revocation_endpoint"], token["access_token"]
)
auth = HTTPBasicAuth(client_id, secret)
requests.post(url, headers=headers, data=body, auth=auth).raise_for_status()
print(
    json.dumps(
        {
            "tokenUrl": metadata["token_endpoint"],
            "scope": " ".join(token["scope"]),
            "called": called,
            "isRenewed": token["access_token"] != other["access_token"],
            "revoked": status_of(first),
            "renewed": status_of(second),
            "wrongSecret": error_of(secret + "x", scope),
            "tooWide": error_of(secret, "customers.delete"),
        }
    )
)
