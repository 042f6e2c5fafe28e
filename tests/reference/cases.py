"""How many cases each property of the language is held to.

`make test` looks at 1,000 cases of each; `REWARDKIT_EXAMPLES` says another number (`make nightly`).
"""

import os

from hypothesis import HealthCheck, Phase, settings

DEFAULT = 1000
#: cases of each property
CASES = int(os.environ.get("REWARDKIT_EXAMPLES", DEFAULT))


def thorough(cases: int = CASES) -> settings:
    """Settings of a property whose cases are whole specs: slow to draw, and large.

    A long run shows its first counterexample as it was drawn, for shrinking one takes gigabytes there. The
    examples kept in `.hypothesis` make the next short run begin with it and shrink it.
    """
    long = CASES > DEFAULT
    return settings(
        max_examples=cases,
        phases=[phase for phase in Phase if not long or phase not in (Phase.shrink, Phase.explain)],
        print_blob=long,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
