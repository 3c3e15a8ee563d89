"""Mode cookie: a client without a session is led back to its endpoint by a cookie."""

import re

import pytest

from harness.cookies import cookie_for, seconds_left, set_by
from harness.http_sse import open_chat, say
from harness.mcp import LIST_TOOLS, fields_for, modern, pod_of, post

KEY = "3f9a" * 16  # the fixture's own
OTHER_KEY = "77b0" * 16
FORM = re.compile(r"ringside=[A-Za-z0-9_-]{27}; Path=/; Max-Age=10800; HttpOnly; SameSite=Lax")
WEEK = 7 * 24 * 3600


@pytest.fixture
def site(cluster, keyed):
    """site() is a cluster in mode cookie, whose pods answer every request."""

    def make(*keys, names="abc", **affinity):
        pods = cluster(names, pool=keyed("cookie", *keys, **affinity))
        for pod in pods.pods.values():
            pod.answer = lambda request, pod=pod: pod.reply(200)
        return pods

    return make


def visit(wire, cookie=None, client="10.0.0.1", fields=(), method="GET", target="/page"):
    carried = [("X-Forwarded-For", client), *fields]
    if cookie is not None:
        carried.append(("Cookie", f"ringside={cookie}"))
    return wire.exchange(method, target, carried, LIST_TOOLS if method == "POST" else None)


def first_visit(pods, client="10.0.0.1"):
    response = visit(pods.wire, client=client)
    return pods.pods[pod_of(response)], set_by(response).value


def two_homes(pods):
    """Visitors of two pods: their cookies by the names of the pods."""
    homes = {}
    for number in range(100):
        home, cookie = first_visit(pods, f"10.0.0.{number}")
        homes.setdefault(home.name, cookie)
        if len(homes) == 2:
            return homes
    raise AssertionError("a hundred clients were all placed on one pod")


def expect_new_placement(pods, response):
    """Placed as a client without a cookie, which gets one."""
    fresh = set_by(response)
    assert fresh is not None, response.raw_head
    assert 10_790 < seconds_left(fresh.value) <= 10_800
    again = visit(pods.wire, fresh.value, "10.99.0.1")
    assert pod_of(again) == pod_of(response)
    assert set_by(again) is None


def test_the_first_answer_sets_a_cookie_and_the_next_need_not(site):
    pods = site()
    response = visit(pods.wire)
    assert FORM.fullmatch(response.get("set-cookie"))
    cookie = set_by(response).value
    assert 10_790 < seconds_left(cookie) <= 10_800
    for method in ("GET", "POST", "PUT", "DELETE"):
        again = visit(pods.wire, cookie, method=method)
        assert again.all("set-cookie") == []
        assert pod_of(again) == pod_of(response)


def test_a_cookie_leads_to_its_pod_wherever_its_client_is(site):
    pods = site()
    for home, cookie in two_homes(pods).items():
        for number in range(20):
            assert pod_of(visit(pods.wire, cookie, f"10.9.{number}.1")) == home
    assert pods.picked_by(client="10.9.9.9", fields={"Cookie": f"ringside={cookie}"}) == "cookie"
    assert pods.bound() == 0, "nothing is stored"


def test_two_proxies_with_one_key_agree(site, trusting, keyed):
    pods = site()
    second = trusting(*pods.pods.values(), pool=keyed("cookie")).connect()
    for home, cookie in two_homes(pods).items():
        for number in range(5):
            response = visit(second, cookie, f"10.9.{number}.1")
            assert pod_of(response) == home
            assert set_by(response) is None


def test_what_the_documentation_says_of_the_value_is_true(site):
    pods = site()
    for name in "abc":
        assert pod_of(visit(pods.wire, cookie_for(name, KEY, 10_000))) == name


def test_name_path_life_and_secure_are_as_configured(site):
    cookie = {"name": "__Secure-pod", "path": "/shop", "ttl": "10m", "secure": True}
    pods = site(cookie=cookie)
    response = visit(pods.wire)
    assert re.fullmatch(
        r"__Secure-pod=[\w-]{27}; Path=/shop; Max-Age=600; HttpOnly; SameSite=Lax; Secure",
        response.get("set-cookie"),
    )
    value = set_by(response, "__Secure-pod").value
    assert 590 < seconds_left(value) <= 600
    again = visit(pods.wire, client="10.0.0.7", fields=[("Cookie", f"__Secure-pod={value}")])
    assert (pod_of(again), again.all("set-cookie")) == (pod_of(response), [])
    assert pods.pods[pod_of(again)].requests[-1].get("cookie") is None


def test_the_pods_own_cookies_stay_beside_it(site):
    pods = site(names="a")
    (pod,) = pods.pods.values()
    own = [("Set-Cookie", "user=1; Path=/"), ("Set-Cookie", "ringsider=2")]
    pod.answer = lambda request: pod.reply(200, b"x", own)
    response = visit(pods.wire)
    assert response.all("set-cookie")[:2] == [value for _, value in own]
    assert set_by(response) is not None
    assert response.body == b"x"


@pytest.mark.parametrize("status", [204, 302, 404, 500])
def test_an_answer_of_any_status_sets_it(site, status):
    pods = site(names="a")
    (pod,) = pods.pods.values()
    pod.answer = lambda request: pod.reply(status)
    response = visit(pods.wire)
    assert (response.status, set_by(response) is not None) == (status, True)


COOKIE = "ringside={}"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ([COOKIE], []),
        (["a=1; " + COOKIE + "; b=2"], ["a=1; b=2"]),
        ([COOKIE + "; a=1"], ["a=1"]),
        (["a=1;" + COOKIE], ["a=1"]),
        (["a=1; " + COOKIE + "; " + COOKIE], ["a=1"]),
        (["a=1", COOKIE], ["a=1"]),
        (["ringsides=1; Ringside=2; " + COOKIE], ["ringsides=1; Ringside=2"]),
        (["a=1; b=ringside=3"], ["a=1; b=ringside=3"]),
    ],
)
@pytest.mark.parametrize("value", ["good", "forged"])
def test_it_is_taken_off_before_a_pod_sees_it_and_others_are_not(site, sent, seen, value):
    pods = site(names="a")
    _, cookie = first_visit(pods)
    cookie = cookie if value == "good" else "A" * 27
    fields = [("Cookie", text.replace("{}", cookie)) for text in sent]
    assert visit(pods.wire, fields=fields).status == 200
    assert pods.pods["a"].requests[-1].all("cookie") == seen


def forgeries():
    good = cookie_for("a", KEY, 10_000)
    return {
        "made up": "A" * 27,
        "empty": "",
        "short": good[:-1],
        "long": good + "A",
        "altered code": ("B" if good[0] != "B" else "C") + good[1:],
        "altered mac": good[:-2] + ("AB" if good[-2:] != "AB" else "BA"),
        "altered time": good[:10] + ("B" if good[10] != "B" else "C") + good[11:],
        "another key": cookie_for("a", OTHER_KEY, 10_000),
        "another pod": cookie_for("d", KEY, 10_000),
        "expired": cookie_for("a", KEY, -1),
        "long expired": cookie_for("a", KEY, -WEEK),
        "quoted": f'"{good}"',
    }


@pytest.mark.parametrize("which", forgeries())
def test_what_is_forged_expired_or_foreign_means_a_new_placement_and_a_new_cookie(site, which):
    pods = site()
    for number in range(8):
        client = f"10.0.{number}.1"
        ring_owner, _ = first_visit(pods, client)
        response = visit(pods.wire, forgeries()[which], client)
        assert pod_of(response) == ring_owner.name
        expect_new_placement(pods, response)


@pytest.mark.parametrize(("left", "renewed"), [(10_790, False), (5_500, False), (5_300, True)])
def test_it_is_renewed_when_less_than_half_its_life_is_left(site, left, renewed):
    pods = site()
    for name in "abc":
        response = visit(pods.wire, cookie_for(name, KEY, left))
        assert pod_of(response) == name
        fresh = set_by(response)
        assert (fresh is not None) == renewed
        if fresh is not None:
            assert FORM.fullmatch(response.get("set-cookie"))
            assert seconds_left(fresh.value) > 10_790
            assert pod_of(visit(pods.wire, fresh.value, "10.9.9.9")) == name


def test_it_is_good_in_its_last_seconds(site):
    pods = site()
    response = visit(pods.wire, cookie_for("b", KEY, 20))
    assert (pod_of(response), set_by(response) is not None) == ("b", True)


def test_a_cookie_signed_with_an_older_key_is_good_and_renewed_with_the_new_one(site):
    pods = site(OTHER_KEY, KEY)
    response = visit(pods.wire, cookie_for("b", KEY, 10_700))
    assert pod_of(response) == "b"
    renewed = set_by(response).value
    assert seconds_left(renewed) > 10_790
    assert pod_of(visit(pods.wire, renewed)) == "b"
    alone = site(OTHER_KEY)
    assert set_by(visit(alone.wire, renewed)) is None


@pytest.mark.parametrize("affinity", [{}, {"owner_grace": "0s"}], ids=["refuses", "gone"])
def test_a_pod_that_refuses_or_counts_as_gone_means_a_new_placement_and_a_new_cookie(
    site, affinity
):
    pods = site(**affinity)
    home, cookie = first_visit(pods)
    home.stop()
    for _ in range(3):
        response = visit(pods.wire, cookie)
        assert response.status == 200 and pod_of(response) != home.name
        expect_new_placement(pods, response)


def test_a_silent_pod_means_a_new_placement(ringside, pods, silence, keyed):
    (a,) = pods("a")
    a.answer = lambda request: a.reply(200)
    quiet = {"address": silence.address, "name": "quiet"}
    proxy = ringside(a, quiet, pool={**keyed("cookie"), "timeouts": {"connect": "200ms"}})
    response = proxy.connect().exchange(
        "GET", "/", {"Cookie": f"ringside={cookie_for('quiet', KEY, 10_000)}"}
    )
    assert (response.status, pod_of(response)) == (200, "a")
    assert set_by(response) is not None


def test_a_session_counts_before_the_cookie_which_goes_no_further(cluster, keyed):
    pods = cluster(pool=keyed("cookie"))
    first, second = pods.sessions_apart()
    for session, other in ((first, second), (second, first)):
        cookie = cookie_for(other.owner.name, KEY, 10_000)
        fields = {"Cookie": f"ringside={cookie}; user=1"}
        for number in range(5):
            response = pods.post(session=session.id, client=f"10.0.{number}.1", fields=fields)
            assert pod_of(response) == session.owner.name
            assert response.all("set-cookie") == []
            assert session.owner.requests[-1].all("cookie") == ["user=1"]


def test_a_session_of_http_sse_counts_before_the_cookie(legacy, keyed):
    pods = legacy(pool=keyed("cookie"))
    for first in "abc":
        chat = open_chat(pods, fields={"Cookie": f"ringside={cookie_for(first, KEY, 10_000)}"})
        assert chat.owner.name == first
        for other in "abc":
            cookie = {"Cookie": f"ringside={cookie_for(other, KEY, 10_000)}"}
            response = say(pods, chat.target, fields=cookie)
            assert (response.status, pod_of(response)) == (202, first)
            assert chat.owner.requests[-1].get("cookie") is None
    assert pods.bound() == 3
    assert pods.attempts() == {}


def test_a_session_opened_with_a_cookie_lives_on_the_pod_that_it_names(cluster, keyed):
    pods = cluster(pool=keyed("cookie"))
    for name in "abc":
        cookie = {"Cookie": f"ringside={cookie_for(name, KEY, 10_000)}"}
        session = pods.session("10.0.0.1", cookie)
        assert session.owner.name == name
        assert pod_of(pods.post(session=session.id, client="10.0.0.9")) == name
    assert pods.bound() == 3


def test_an_initialize_without_a_cookie_gets_both(cluster, keyed):
    pods = cluster(pool=keyed("cookie"))
    response = pods.post(b'{"method":"initialize","id":1}')
    home = pod_of(response)
    assert response.get("mcp-session-id") in pods.pods[home].sessions
    pods.pods[home].answer = lambda request: pods.pods[home].reply(200)
    assert pod_of(visit(pods.wire, set_by(response).value, "10.0.9.9")) == home


def test_a_cookie_of_this_mode_means_nothing_in_another(cluster):
    pods = cluster()
    for pod in pods.pods.values():
        pod.answer = lambda request, pod=pod: pod.reply(200)
    value = cookie_for("a", KEY, 10_000)
    response = visit(pods.wire, value)
    assert response.all("set-cookie") == []
    assert pods.pods[pod_of(response)].requests[-1].get("cookie") == f"ringside={value}"


def test_a_tag_in_a_session_id_is_no_cookie_and_a_cookie_no_tag(cluster, keyed):
    pods = cluster(pool=keyed("tag"))
    value = cookie_for("a", KEY, 10_000)
    response = pods.post(session=f"x.{value[:22]}")
    assert (response.status, response.get("server")) == (404, "ringside")


def test_an_event_stream_sets_it_in_its_head(cluster, keyed):
    pods = cluster(pool=keyed("cookie"))
    for pod in pods.pods.values():
        pod.init_as_stream = True
    wire = pods.connect()
    wire.request("POST", "/mcp", fields_for(None, "10.0.0.1"), b'{"method":"initialize","id":1}')
    head = wire.read_response_head()
    assert set_by(head) is not None and head.get("mcp-session-id")


def test_modern_requests_follow_a_cookie_and_are_spread_without(site):
    pods = site()
    fields = {**modern(), "Cookie": f"ringside={cookie_for('b', KEY, 10_000)}"}
    assert {pod_of(post(pods.wire, fields=fields)) for _ in range(10)} == {"b"}
    assert {pod_of(post(pods.wire, fields=modern())) for _ in range(40)} == {"a", "b", "c"}


def test_the_cookie_is_in_no_log(site):
    pods = site()
    home, cookie = first_visit(pods)
    visit(pods.wire, cookie)
    visit(pods.wire, "forged-" * 4)
    lines = pods.proxy.access_log(3)
    assert [line["picked_by"] for line in lines] == ["ring", "cookie", "ring"]
    said = "\n".join(pods.proxy.stdout.all + pods.proxy.stderr.all)
    assert cookie not in said and "forged-" not in said
