"""How many cases the properties of the language are held to.

`make test` looks at 1,000 specs, texts and claims; `REWARDKIT_EXAMPLES` says another number (`make nightly`).
What is said of a tool rather than of the language has a share of them.
"""

import os

from hypothesis import HealthCheck, Phase, settings

DEFAULT = 1000
#: what a property is held to that the language stands on
CASES = int(os.environ.get("REWARDKIT_EXAMPLES", DEFAULT))


def thorough(share: float = 1) -> settings:
    """Settings of a property that is held to a share of the cases, which are slow to draw and large.

    A long run shows its first counterexample as it was drawn, for shrinking one takes gigabytes there. The
    examples kept in `.hypothesis` make the next short run begin with it and shrink it.
    """
    long = CASES > DEFAULT
    return settings(
        max_examples=max(1, round(CASES * share)),
        phases=[phase for phase in Phase if not long or phase not in (Phase.shrink, Phase.explain)],
        print_blob=long,
        deadline=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.large_base_example,
        ],
    )
