"""pyotp as somebody's authenticator app, and forms as a browser without scripts sends them."""

import re
import time
import urllib.error
import urllib.parse
import urllib.request

import pyotp
import pytest


class Browser:
    """Keeps cookies, follows redirects, and sends forms as the server's own pages do."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

    def get(self, path):
        with self.opener.open(self.base_url + path, timeout=30) as answer:
            return answer.geturl().removeprefix(self.base_url), answer.read().decode()

    def post(self, path, **fields):
        data = urllib.parse.urlencode(fields).encode()
        request = urllib.request.Request(self.base_url + path, data, {"sec-fetch-site": "same-origin"})
        with self.opener.open(request, timeout=30) as answer:
            return answer.geturl().removeprefix(self.base_url), answer.read().decode()


def refused(status, ask):
    with pytest.raises(urllib.error.HTTPError) as error:
        ask()
    assert error.value.code == status


def test_an_authenticator_app_of_somebody_else_opens_the_door(facts):
    person = next(one for one in facts["organizations"][1]["users"] if one["role"] == "member")
    mine = {"email": person["email"], "password": person["password"]}
    browser = Browser(facts["base_url"])
    browser.post("/sign-in", **mine)
    _, page = browser.get("/account/second-factor")
    seed = re.search(r'name="seed" value="([A-Z2-7]{32})"', page)[1]
    app = pyotp.TOTP(seed)
    entered = {"seed": seed, "code": app.now(), "password": person["password"], "next": "/account"}
    _, page = browser.post("/account/second-factor", **entered)
    assert len(re.findall(r"^[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}$", page.split('id="codes">')[1], re.M)) >= 9

    again = Browser(facts["base_url"])
    where, _ = again.post("/sign-in", **mine)
    assert where.startswith("/sign-in/second-factor")
    refused(400, lambda: again.post("/sign-in/second-factor", code=entered["code"], next="/account"))
    ahead = app.at(int(time.time()) + 30)
    where, _ = again.post("/sign-in/second-factor", code=ahead, next="/account")
    assert where == "/account"
