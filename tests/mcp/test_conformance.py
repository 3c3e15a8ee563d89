"""The official conformance suite gives the same result through Ringside over three pods as direct
to one pod.

Each run asks one pod of its own and three others through Ringside, at the same time. Results are
compared check by check. The pods have all that the suite asks for but its extension of tasks, which
fails in both alike.
"""

import pytest
from support.conformance import RUNS, Suite
from support.pods import Pods
from support.proxies import ringside_before


@pytest.fixture(scope="module")
def one_pod(logs):
    pods = Pods("pods/conformance.mjs", logs, ["direct"])
    yield pods
    pods.stop()


@pytest.fixture(scope="module")
def three_pods(logs):
    pods = Pods("pods/conformance.mjs", logs)
    yield pods
    pods.stop()


@pytest.mark.parametrize("run", RUNS)
def test_same_result_as_direct_to_one_pod(
    run: str, one_pod: Pods, three_pods: Pods, log, tmp_path
) -> None:
    with ringside_before(three_pods, log) as address:
        suites = [
            Suite(run, one_pod.addresses["direct"], tmp_path / "direct"),
            Suite(run, address, tmp_path / "through"),
        ]
        direct, through = [suite.results() for suite in suites]
    assert {scenario for scenario in direct.failed() if not scenario.startswith("tasks-")} == set()
    assert through.checks == direct.checks
    assert through.summary == direct.summary
