"""placeholder"""


def simulated(profile: str) -> dict:
    return {}
