"""A login as Authlib's own guide writes one: reads its registration and then the callback's address as lines, prints what it learnt as JSON."""

import json
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet


def say(**facts):
    print(json.dumps(facts), flush=True)


registration = json.loads(sys.stdin.readline())
metadata = requests.get(registration["issuer"] + "/.well-known/openid-configuration", timeout=10).json()
session = OAuth2Session(
    registration["clientId"],
    registration["clientSecret"],
    scope=registration["scope"],
    redirect_uri=registration["redirectUri"],
    code_challenge_method="S256",
)
verifier, nonce = generate_token(48), generate_token(20)
url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
say(url=url)

callback = sys.stdin.readline().strip()
token = session.fetch_token(metadata["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier)
keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
decoded = jwt.decode(token["id_token"], keys, algorithms=metadata["id_token_signing_alg_values_supported"])
claims = CodeIDToken(
    decoded.claims,
    decoded.header,
    options={"iss": {"essential": True, "value": metadata["issuer"]}},
    params={"nonce": nonce, "client_id": registration["clientId"], "access_token": token["access_token"]},
)
claims.validate()
userinfo = session.get(metadata["userinfo_endpoint"]).json()
refreshed = session.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
say(subject=claims["sub"], userinfo=userinfo, refreshed=refreshed["refresh_token"] != token["refresh_token"])
