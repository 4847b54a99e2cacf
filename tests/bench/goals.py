"""goals.py - the figures to reach, beside those of this run.

What the clock measures varies by the machine's mood; so those goals are
ratios to a rival in the same round, and 15 % off still counts. CPU and memory
are what they are.
"""
import statistics

TOLERANCE = 0.15
OURS, RIVAL, COPY = "transponder", "haproxy twice", "transponder Pump=copy"
TLS, TLS_RIVAL = "transponder tls", "stunnel twice"


def figure(report, table, way, field):
    """None where the run has no such figure."""
    return report.get(table, {}).get("ways", {}).get(way, {}).get(field)


def ratio(report, table, field, way=OURS, rival=RIVAL):
    """To the rival: the median of the rounds' ratios."""
    mine = figure(report, table, way, "rounds") or []
    other = figure(report, table, rival, "rounds") or []
    ratios = [m[field] / o[field] for m, o in zip(mine, other)
              if m[field] is not None and o[field]]
    return statistics.median(ratios) if ratios else None


def kib(report, table, field):
    size = figure(report, table, OURS, field)
    return None if size is None else size / 1024


def left_share(report, way=OURS):
    """Of what all idle sessions took: what is left after they have gone."""
    left, total, before = (figure(report, "memory", way, field)
                           for field in ("left", "total", "before"))
    if None in (left, total, before) or total <= before:
        return None
    return left / (total - before)


def bulk_goals(report):
    for row in ("down1", "up1", "down8", "up8"):
        yield (f"{row}: CPU s/GiB", figure(report, row, OURS, "cost"),
               "<=", 0.5 if row.endswith("1") else 0.65, False)
        yield (f"{row}: throughput / HAProxy twice",
               ratio(report, row, "value"), ">=", 1.6, True)
        yield (f"{row}: CPU s/GiB, Pump=copy",
               figure(report, row, COPY, "cost"), "<=", 0.9, False)


def tls_goals(report):
    for row in ("down1", "up1"):
        yield (f"{row}: CPU s/GiB, TLS", figure(report, row, TLS, "cost"),
               "<=", 1.9, False)
    yield ("connections: CPU us per request, TLS",
           figure(report, "connections", TLS, "cost"), "<=", 650, False)
    yield ("pingpong: p50 / stunnel twice, TLS",
           ratio(report, "pingpong", "p50", TLS, TLS_RIVAL), "<=", 1.0, True)
    few = figure(report, "memory", TLS, "few")
    yield (f"memory: KiB per session, {report['form']['sessions'][0]} idle, "
           "TLS", None if few is None else few / 1024, "<=", 28, False)
    yield ("memory: left after they have gone, share, TLS",
           left_share(report, TLS), "<=", 0.2, False)


def goals(report):
    """Name, value or None, relation, limit, whether the clock is in it."""
    yield from bulk_goals(report)
    yield ("keepalive: CPU us per request",
           figure(report, "keepalive", OURS, "cost"), "<=", 24, False)
    yield ("keepalive: rate / HAProxy twice",
           ratio(report, "keepalive", "value"), ">=", 1.0, True)
    yield ("connections: CPU us per request",
           figure(report, "connections", OURS, "cost"), "<=", 200, False)
    yield ("connections: rate / HAProxy twice",
           ratio(report, "connections", "value"), ">=", 0.75, True)
    yield (f"connections: errors in {report['form']['requests']} a round",
           figure(report, "connections", OURS, "errors"), "<=", 0, False)
    yield ("setup: p50 / HAProxy twice",
           ratio(report, "setup", "p50"), "<=", 1.2, True)
    yield ("pingpong: CPU per round / HAProxy twice",
           ratio(report, "pingpong", "cost"), "<=", 1.0, False)
    yield (f"memory: KiB per session, {report['form']['sessions'][1]} idle",
           kib(report, "memory", "many"), "<=", 3, False)
    yield ("memory: left after they have gone, share",
           left_share(report), "<=", 0.2, False)
    yield ("memory: pipes held by idle sessions",
           figure(report, "memory", OURS, "many_pipes"), "<=", 0, False)
    yield ("standby: KiB each", kib(report, "standby", "each"), "<=", 3, False)
    yield ("line: first byte, round trips",
           figure(report, "line", OURS, "first"), "<=", 1.05, False)
    yield ("line: the same, EarlyData=off",
           figure(report, "line", OURS + " EarlyData=off", "first"),
           "<=", 2.05, False)
    yield from tls_goals(report)
    yield ("line: slowest of 30 on a pool of 10, round trips",
           figure(report, "line", OURS, "slowest_of_30"), "<=", 3.3, False)


def verdict(value, relation, limit, clock):
    slack = TOLERANCE if clock else 0
    if relation == "<=":
        met, nearly = value <= limit, value <= limit * (1 + slack)
    else:
        met, nearly = value >= limit, value >= limit * (1 - slack)
    return "met" if met else "within 15 %" if nearly else "NOT MET"


def judge(report):
    """All goals that this run has figures for, as a list of dictionaries."""
    return [{"goal": name, "measured": value, "wanted": f"{relation} {limit}",
             "verdict": verdict(value, relation, limit, clock)}
            for name, value, relation, limit, clock in goals(report)
            if value is not None]
