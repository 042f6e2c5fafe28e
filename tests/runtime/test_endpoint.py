"""The judge's executor against a real HTTP server: well, slow, failing, malformed, limiting, hostile."""

import gzip
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from injections import INJECTIONS, naive
from judge_server import Reply, completion, problem, score, serving

from rewardkit import library
from rewardkit.diagnostics import RewardError
from rewardkit.runtime.chat import MOST_BYTES, key_of
from rewardkit.runtime.configs import JudgeConfig, read_table
from rewardkit.runtime.endpoint import Endpoint
from rewardkit.runtime.executors import Executor, Stopped

SCORE, CHOICE = library.functions()["judge.score"], library.functions()["judge.choice"]
POLITE = {"rubric": "is it polite?"}
KEY = "sk-a-secret-of-ours"


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    """No proxy of this machine between the test and its server, and no thread left behind."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield
    assert not [t for t in threading.enumerate() if t.name == "rewardkit-judge"]


class Asking:
    """An endpoint for a server, closed in the end."""

    def __init__(self, judge, **settings):
        settings = {"base_url": judge.url, "model": "m", "backoff": 0.01, "timeout": 30.0, **settings}
        self.endpoint = Endpoint(JudgeConfig(**settings))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.endpoint.close()

    def run(self, texts, function=SCORE, constants=POLITE, on_done=None, stop=None):
        tasks = [text if isinstance(text, tuple) else (text,) for text in texts]
        done = on_done or (lambda index, outcome: None)
        return self.endpoint.run(function, tasks, constants, done, stop or threading.Event())

    def one(self, text="Dear Sir", **more):
        (outcome,) = self.run([text], **more)
        return outcome


def text_of(body):
    """What a well-behaved judge takes for the text."""
    found = re.search(
        r"(=== \w{32} ===) BEGIN TEXT\n(.*)\n\1 END TEXT\n", body["messages"][-1]["content"], re.S
    )
    return found[2]


def eventually(condition, seconds=20):
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    return condition()


# --- answers -----------------------------------------------------------------------------------------


def test_a_score_and_what_is_asked_for_it(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", f" {KEY}\n")
    with (
        serving(lambda body, n: score(0.75)) as judge,
        Asking(judge, api_key_env="JUDGE_KEY", seed=7) as asking,
    ):
        outcome = asking.one(("Dear Sir", "Write to him."))
        assert (outcome.value, outcome.error) == (0.75, None) and outcome.seconds > 0
    (body,), (headers,), (path,) = judge.bodies, judge.headers, judge.paths
    assert path == "/v1/chat/completions" and headers["authorization"] == f"Bearer {KEY}"
    settings = {name: value for name, value in body.items() if name != "messages"}
    assert settings == {"model": "m", "temperature": 0.0, "max_tokens": 512, "seed": 7}
    rules, data = body["messages"]
    assert rules["role"] == "system" and "is it polite?" in rules["content"]
    assert "Write to him." in data["content"] and text_of(body) == "Dear Sir"
    assert KEY not in json.dumps(body)


def test_settings_of_a_request():
    with (
        serving(lambda body, n: score(0.5)) as judge,
        Asking(
            judge,
            temperature="default",
            max_tokens_name="max_completion_tokens",
            system_role=False,
            json_mode=True,
            reasoning=False,
            extra={"top_k": 1},
        ) as asking,
    ):
        asking.one()
    (body,) = judge.bodies
    assert body["max_completion_tokens"] == 512 and body["top_k"] == 1 and "temperature" not in body
    assert body["response_format"] == {"type": "json_object"} and "reasoning" not in json.dumps(body)
    assert [m["role"] for m in body["messages"]] == ["user"] and "is it polite?" in body["messages"][0][
        "content"
    ]
    assert "Authorization" not in judge.headers[0] and "authorization" not in judge.headers[0]


def test_a_choice():
    constants = {"rubric": "which tone?", "choices": ("warm", "cold"), "question": ""}
    answers = iter(["warm", "hot", "Warm"])
    with (
        serving(lambda body, n: completion(json.dumps({"choice": next(answers)}))) as judge,
        Asking(judge, concurrency=1) as asking,
    ):
        outcomes = asking.run(["a", "b", "c"], CHOICE, constants)
    assert [(o.value, o.error) for o in outcomes] == [("warm", None), (None, None), (None, None)]
    assert '"warm", "cold"' in judge.bodies[0]["messages"][0]["content"]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ({"content": [{"type": "text", "text": '{"score": 1}'}]}, 1.0),
        ({"content": None, "refusal": "I cannot"}, None),
        ({"content": "I would say 0.9"}, None),
        ({"content": '<think>1? {"score": 1}</think>\n{"score": 0.25}'}, 0.25),
    ],
)
def test_shapes_of_a_message(body, value):
    reply = Reply(body=json.dumps({"choices": [{"message": body, "finish_reason": "stop"}]}).encode())
    with serving(lambda *_: reply) as judge, Asking(judge) as asking:
        outcome = asking.one()
    assert (outcome.value, outcome.error) == (value, None)


def test_an_answer_that_is_cut_off_says_so():
    with serving(lambda *_: completion('{"reasoning": "It is', "length")) as judge, Asking(judge) as asking:
        assert "cut off: `max_tokens` is 512" in asking.one().error


def test_a_compressed_answer_is_read_up_to_a_size():
    small, bomb = gzip.compress(score(1).body), gzip.compress(b" " * (MOST_BYTES + 1))
    replies = [
        Reply(body=small, headers={"content-encoding": "gzip"}),
        Reply(body=bomb, headers={"content-encoding": "gzip"}),
        Reply(body=small[:-9], headers={"content-encoding": "br"}),
    ]
    with serving(lambda body, n: replies[n]) as judge, Asking(judge, concurrency=1) as asking:
        good, large, odd = asking.run(["a", "b", "c"])
    assert good.value == 1 and "8 MiB" in large.error and "compressed as 'br'" in odd.error


# --- trouble -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        problem(429),
        problem(500),
        problem(503),
        problem(408),
        problem(409),
        Reply(hang_up=True),
        Reply(body=b"<html>"),
        Reply(body=b'{"choices": []}'),
        Reply(body=b"[" * 100_000),
        Reply(body=b'{"choices": [{"message": 3}]}'),
    ],
)
def test_what_fails_twice_is_asked_again(bad):
    with serving(lambda body, n: bad if n < 2 else score(0.5)) as judge, Asking(judge) as asking:
        assert asking.one().value == 0.5
    assert len(judge.bodies) == 3


@pytest.mark.parametrize(
    ("bad", "reason", "asked"),
    [
        (problem(500, "overloaded"), "the judge answers 500: overloaded (attempt 3)", 3),
        (Reply(body=b"<html>"), "the judge's answer is no chat completion (attempt 3)", 3),
        (Reply(hang_up=True), "the connection to the judge broke", 3),
        (problem(400, "the context is too long"), "the judge answers 400: the context is too long", 1),
        (problem(422, "\x1b[31mred\nline"), "the judge answers 422: [31mred line", 1),
    ],
)
def test_what_goes_on_failing_is_a_fault_of_its_row(bad, reason, asked):
    with serving(lambda *_: bad) as judge, Asking(judge, retries=2) as asking:
        outcome = asking.one()
    assert outcome.value is None and outcome.error.startswith(reason)
    assert len(judge.bodies) == asked


def test_one_row_that_fails_leaves_the_others():
    def reply(body, n):
        return problem(500) if text_of(body) == "bad" else score(0.5)

    with serving(reply) as judge, Asking(judge, retries=1) as asking:
        outcomes = asking.run(["a", "bad", "b"])
    assert [o.value for o in outcomes] == [0.5, None, 0.5]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (problem(401, f"wrong key {KEY}"), "401: wrong key …; set the variable `JUDGE_KEY`"),
        (problem(403), "set the variable `JUDGE_KEY` to a key that it takes"),
        (problem(404, "no model `m`"), "404: no model `m`; set `base_url`, and `model` (now `m`)"),
        (problem(402, "no credit"), "402: no credit; see to the account"),
        (problem(429, "quota", code="insufficient_quota"), "429: quota; see to the account"),
        (
            Reply(307, headers={"location": "http://other.example/v1"}),
            "redirects to 'http://other.example/v1'",
        ),
        (Reply(307, headers={"location": f"http://other.example/?key={KEY}"}), "example/?key=…'"),
        (Reply(401, b" " * 1990 + KEY.encode()), "answers 401: …;"),
        (Reply(404, b"<html>\xff"), "answers 404; set `base_url`"),
    ],
)
def test_what_no_question_would_get_past_stops_the_run(monkeypatch, reply, message):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    with serving(lambda *_: reply) as judge, Asking(judge, api_key_env="JUDGE_KEY") as asking:
        with pytest.raises(RewardError) as error:
            asking.run([str(n) for n in range(100)])
        assert message in str(error.value) and KEY not in str(error.value) and "\n" not in str(error.value)
    assert len(judge.bodies) <= 16


def test_a_key_that_is_not_there(monkeypatch):
    monkeypatch.delenv("JUDGE_KEY", raising=False)
    with serving(lambda *_: problem(401)) as judge:
        with Asking(judge) as asking, pytest.raises(RewardError, match="no key was sent: name the variable"):
            asking.one()
        named = Asking(judge, api_key_env="JUDGE_KEY")
        with pytest.raises(RewardError, match="set the variable `JUDGE_KEY`"):
            named.one()
        monkeypatch.setenv("JUDGE_KEY", "two words")
        with pytest.raises(RewardError, match="`JUDGE_KEY` holds no key") as error:
            named.one()
    assert "two words" not in str(error.value)


def test_a_key_of_openai_goes_to_openai_only(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda *_: score(1)) as judge, Asking(judge) as asking:
        asking.one()
    assert KEY not in json.dumps(judge.headers)
    assert key_of(JudgeConfig(base_url="https://api.openai.com/v1", model="m")) == KEY
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(RewardError, match="set the variable `OPENAI_API_KEY`"):
        key_of(JudgeConfig(base_url="https://api.openai.com/v1", model="m"))


def test_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        endpoint = Endpoint(JudgeConfig(base_url=address, model="m", backoff=0.01, retries=2))
        try:
            with pytest.raises(
                RewardError, match=r"cannot reach the judge at .*; start it, or set `base_url`"
            ):
                endpoint.run(SCORE, [("a",), ("b",)], POLITE, lambda *_: None, threading.Event())
        finally:
            endpoint.close()


def test_an_endpoint_that_answers_nothing_for_long_is_dead():
    with (
        serving(lambda *_: problem(500, "down")) as judge,
        Asking(judge, retries=0) as asking,
        pytest.raises(RewardError, match=r"answered none of the last 20 questions: .* 500: down"),
    ):
        asking.run([str(n) for n in range(500)])
    assert len(judge.bodies) < 60


def test_rows_that_are_refused_are_their_own_fault_where_others_are_answered():
    def reply(body, n):
        return score(0.5) if text_of(body) == "good" else problem(400, "too long")

    with serving(reply) as judge, Asking(judge) as asking:
        assert asking.one("good").value == 0.5
        outcomes = asking.run([str(n) for n in range(40)])
        assert all("too long" in o.error for o in outcomes)
    with serving(reply) as judge, Asking(judge) as asking, pytest.raises(RewardError, match="400: too long"):
        asking.run([str(n) for n in range(40)])


# --- time --------------------------------------------------------------------------------------------


def test_a_row_that_times_out_is_a_fault():
    def reply(body, n):
        return Reply(wait=60) if text_of(body) == "slow" else score(0.5)

    with serving(reply) as judge, Asking(judge, timeout=0.3, retries=1) as asking:
        slow, quick = asking.run(["slow", "quick"])
    assert slow.error == "the judge gave no answer in 0.3 s (attempt 2)" and quick.value == 0.5


@pytest.mark.parametrize("body", [b" ", b" " * (1 << 20)])
def test_an_answer_without_end_is_a_fault(body):
    reply = Reply(body=body, slowly=0.001)
    with (
        serving(lambda *_: reply) as judge,
        Asking(judge, timeout=30.0 if len(body) > 1 else 0.5, retries=0) as asking,
    ):
        error = asking.one().error
        assert ("more than 8 MiB" if len(body) > 1 else "no answer in 0.5 s") in error
        asking.endpoint.close()
        assert eventually(lambda: judge.open == 0)


def test_retry_after_is_heard_by_all():
    """While one request was told to wait, no other one is sent."""

    def reply(body, n):
        return problem(429, retry_after="1") if n == 0 else score(0.5)

    with serving(reply) as judge, Asking(judge, concurrency=1) as asking:
        assert [o.value for o in asking.run(["a", "b", "c"])] == [0.5] * 3
    assert judge.times[1] - judge.times[0] >= 1.0


def test_retry_after_beyond_the_deadline_is_a_fault():
    with serving(lambda *_: problem(429, retry_after="3600")) as judge, Asking(judge) as asking:
        assert asking.one().error == "the judge answers 429: no, and asks to wait 3600 s (attempt 1)"


def test_the_deadline_ends_attempts():
    with serving(lambda *_: problem(500)) as judge, Asking(judge, retries=100, deadline=0.5) as asking:
        assert "500" in asking.one().error
    assert 1 < len(judge.bodies) < 60


def test_requests_per_minute_are_kept():
    with serving(lambda *_: score(0.5)) as judge, Asking(judge, requests_per_minute=600) as asking:
        asking.run([str(n) for n in range(20)])
    # ten in a second, and ten at once in the beginning
    assert judge.times[-1] - judge.times[0] >= 0.8


# --- many --------------------------------------------------------------------------------------------


def test_many_questions_a_few_at_a_time():
    def reply(body, n):
        answer = score(int(text_of(body)) / 200)
        answer.wait = 0.02
        return answer

    seen, inside = [], threading.Lock()

    def on_done(index, outcome):
        assert inside.acquire(blocking=False)  # one call at a time
        seen.append((index, outcome.value))
        inside.release()

    with serving(reply) as judge, Asking(judge, concurrency=8) as asking:
        outcomes = asking.run([str(n) for n in range(200)], on_done=on_done)
        assert [o.value for o in outcomes] == [n / 200 for n in range(200)]
        assert judge.open <= 8
    assert sorted(seen) == [(n, n / 200) for n in range(200)]
    assert len(judge.bodies) == 200 and 2 <= judge.most_at_once <= 8


def test_callers_in_threads_share_the_limit():
    def reply(body, n):
        answer = score(0.5)
        answer.wait = 0.02
        return answer

    with serving(reply) as judge, Asking(judge, concurrency=4) as asking:
        threads = [threading.Thread(target=asking.run, args=([str(n) for n in range(20)],)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(judge.bodies) == 80 and judge.most_at_once <= 4


@pytest.mark.parametrize("how", ["stop", "close"])
def test_what_is_under_way_is_given_up(how):
    """A stop, and a close from another thread: soon over, no connection left."""
    stop, began = threading.Event(), time.monotonic()
    with serving(lambda *_: Reply(wait=60)) as judge, Asking(judge, concurrency=8) as asking:

        def end():
            assert eventually(lambda: len(judge.bodies) == 8)
            stop.set() if how == "stop" else asking.endpoint.close()

        thread = threading.Thread(target=end)
        thread.start()
        if how == "close":
            with pytest.raises(RewardError, match="closed while it was asked"):
                asking.run([str(n) for n in range(100)])
        else:
            with pytest.raises(Stopped):
                asking.run([str(n) for n in range(100)], stop=stop)
        thread.join()
        assert time.monotonic() - began < 30  # the server would take a minute
        assert eventually(lambda: judge.open == 0)
        assert len(judge.bodies) == 8


INTERRUPTED = """
import sys, threading
from rewardkit import library
from rewardkit.runtime.configs import JudgeConfig
from rewardkit.runtime.endpoint import Endpoint

endpoint = Endpoint(JudgeConfig(base_url=sys.argv[1], model="m", concurrency=4))
tasks = [(str(n),) for n in range(100)]
try:
    endpoint.run(library.functions()["judge.score"], tasks, {"rubric": "r"}, print, threading.Event())
except KeyboardInterrupt:
    endpoint.close()
    print("interrupted", threading.active_count())
"""


def test_ctrl_c_ends_a_run():
    with serving(lambda *_: Reply(wait=60)) as judge:
        command = [sys.executable, "-c", INTERRUPTED, judge.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert eventually(lambda: len(judge.bodies) == 4, 60)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
            finally:
                process.kill()
        assert (out, err) == ("interrupted 1\n", "")
        assert eventually(lambda: judge.open == 0)


def test_an_error_of_the_callback_comes_out():
    def on_done(index, outcome):
        raise ZeroDivisionError

    with serving(lambda *_: score(1)) as judge, Asking(judge) as asking, pytest.raises(ZeroDivisionError):
        asking.run(["a", "b"], on_done=on_done)


def test_closing_twice_and_asking_again():
    with serving(lambda *_: score(1)) as judge, Asking(judge) as asking:
        asking.endpoint.close()
        assert asking.one().value == 1
        asking.endpoint.close()
        asking.endpoint.close()
        assert asking.one().value == 1
        assert asking.run([]) == []


def test_a_text_that_is_too_long_is_not_sent():
    with serving(lambda *_: score(1)) as judge, Asking(judge, max_chars=10) as asking:
        long, short, question = asking.run(["x" * 11, "x" * 10, ("x", "q" * 11)])
    assert short.value == 1 and len(judge.bodies) == 1
    assert long.error == question.error == "the text has 11 characters, and `max_chars` of the judge is 10"


# --- texts that talk to the judge --------------------------------------------------------------------


def test_injections_through_an_endpoint_that_obeys_what_is_not_data():
    """Each as the text, and as the question; none earns the 1 that it asks for."""
    with serving(lambda body, n: score(naive(body["messages"]))) as judge, Asking(judge) as asking:
        outcomes = asking.run([*INJECTIONS, *(("fine", text) for text in INJECTIONS)])
    assert [(o.value, o.error) for o in outcomes] == [(0.1, None)] * (2 * len(INJECTIONS))


# --- what results depend on --------------------------------------------------------------------------


def test_the_identity_tells_what_answers_depend_on(monkeypatch):
    monkeypatch.setenv("JUDGE_KEY", KEY)
    same = {"base_url": "http://a.example/v1", "model": "m", "api_key_env": "JUDGE_KEY"}

    def identity(**settings):
        endpoint: Executor = Endpoint(JudgeConfig(**{**same, **settings}))
        return endpoint.identity(SCORE)

    assert KEY not in identity() and "JUDGE_KEY" not in identity()
    for change in (
        {"model": "n"},
        {"base_url": "http://b.example/v1"},
        {"temperature": 1.0},
        {"seed": 1},
        {"max_tokens": 9},
        {"extra": {"top_k": 1}},
        {"reasoning": False},
        {"system_role": False},
    ):
        assert identity(**change) != identity()
    for change in (
        {"concurrency": 1},
        {"timeout": 1.0},
        {"retries": 0},
        {"base_url": "http://a.example/v1/"},
    ):
        assert identity(**change) == identity()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "m"}, "`base_url` is missing"),
        ({"base_url": "http://a/v1", "modl": "m"}, "unknown key `modl`; did you mean `model`?"),
        ({"base_url": "a.example", "model": "m"}, "`base_url` is no address; write `https://host/v1`"),
        ({"base_url": "https://me:hush@a.example/v1", "model": "m"}, "holds a user or a password"),
        ({"base_url": "https://a.example/v1?key=hush", "model": "m"}, "ends before `?`"),
        ({"base_url": "http://a/v1", "model": "m", "concurrency": 0}, "`concurrency`: "),
        (
            {"base_url": "http://a/v1", "model": "m", "extra": {"messages": []}},
            "`extra` may not hold `messages`",
        ),
        ({"base_url": "http://a/v1", "model": "m", "api_key": "hush"}, "unknown key `api_key`; did you mean"),
    ],
)
def test_a_table_that_is_wrong_says_how(values, message):
    with pytest.raises(RewardError) as error:
        read_table(JudgeConfig, values, "run.toml: [judge]", RewardError)
    assert message in str(error.value) and "hush" not in str(error.value)
