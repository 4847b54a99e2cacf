"""table.py - prints a report."""
from measure import ROWS

MIB = 1 << 20
WIDTH = 28      # of a way's name


def cell(value, width, digits=0, scale=1.0):
    text = "-" if value is None else f"{value * scale:.{digits}f}"
    return f"{text:>{width}}"


def share(value):
    return f"{value:>7.0%}"


def print_head(report):
    form = report["form"]
    print(f"{report['cores']} x {report['cpu']}, {report['memory_gib']} GiB, "
          f"Linux {report['kernel']}")
    print(", ".join(f"{k} {v}" for k, v in report["versions"].items()))
    print(f"medians; rounds: {form['rounds']}, in each of which every way is "
          "measured after the other")
    print("one thread each for HAProxy and nginx, which log no connections; "
          "transponder as by default, logging each session to a file")


def print_row(row, report):
    table = report[row.name]
    print(f"\n{row.name}: {row.title}\n  {'':{WIDTH}}{row.unit:>9}{'/direct':>8}"
          f"{row.cost_unit:>13}{'p50 us':>9}{'p99 us':>9}{'errors':>7}"
          f"{'load':>7}{'other':>7}")
    for way, f in table["ways"].items():
        cost = None if way == "direct" else f["cost"]
        print(f"  {way:{WIDTH}}{cell(f['value'], 9, row.digits)}"
              f"{cell(f['ratio'], 8, 2)}"
              f"{cell(cost, 13, 2)}{cell(f.get('p50'), 9, 1)}"
              f"{cell(f.get('p99'), 9, 1)}{f['errors']:7}"
              f"{share(f['load'])}{share(f['other'])}")


def print_memory(report):
    few, many = report["form"]["sessions"]
    print("\nmemory: PSS of all the relay's processes, idle sessions that have "
          f"moved a byte\n  {'':{WIDTH}}{f'KiB at {few}':>12}"
          f"{f'KiB at {many}':>12}{'all, MiB':>10}{'left, MiB':>10}"
          f"{'pipes':>7}{'errors':>7}")
    for way, f in report["memory"]["ways"].items():
        print(f"  {way:{WIDTH}}{cell(f['few'], 12, 2, 1 / 1024)}"
              f"{cell(f['many'], 12, 2, 1 / 1024)}"
              f"{cell(f['total'], 10, 1, 1 / MIB)}"
              f"{cell(f['left'], 10, 1, 1 / MIB)}"
              f"{cell(f['many_pipes'], 7)}{f['errors']:7}")
    print("  left: more than before, after all have gone")


def print_standby(report):
    print(f"\nstandby: memory of each\n  {'':{WIDTH}}{'KiB':>9}")
    for way, f in report["standby"]["ways"].items():
        print(f"  {way:{WIDTH}}{cell(f['each'], 9, 2, 1 / 1024)}")


def print_line(report):
    table = report["line"]
    print("\nline: through a long line, from connect to the first byte of an "
          "answer")
    if "skipped" in table:
        print(f"  skipped: {table['skipped']}")
        return
    trip = next(iter(table["ways"].values()))["round_trip_ms"]
    print(f"  {'':{WIDTH}}{'one, trips':>12}{'slowest of 30':>15}{'errors':>7}"
          f"   (a round trip: {trip:.2f} ms)")
    for way, f in table["ways"].items():
        print(f"  {way:{WIDTH}}{cell(f['first'], 12, 2)}"
              f"{cell(f['slowest_of_30'], 15, 2)}{f['errors']:7}")


def print_goals(report):
    if not report["goals"]:
        return
    print(f"\n{'goals':52}{'measured':>9}{'wanted':>9}")
    for goal in report["goals"]:
        print(f"  {goal['goal']:50}{goal['measured']:9.2f}"
              f"{goal['wanted']:>9}  {goal['verdict']}")


def print_report(report):
    print_head(report)
    for row in ROWS:
        if row.name in report:
            print_row(row, report)
    for name, show in (("memory", print_memory), ("standby", print_standby),
                       ("line", print_line)):
        if name in report:
            show(report)
    print("\n/direct: to the direct way in the same round, of p50 where set-up "
          "and ping-pong are.\nload, other: shares of all cores, of client and "
          "target, and of processes that are not ours.")
    busiest = max((f["other"] for row in ROWS if row.name in report
                   for f in report[row.name]["ways"].values()), default=0)
    if busiest > 0.1:
        print(f"Not a quiet machine: up to {busiest:.0%} of it went to others.")
    print_goals(report)
