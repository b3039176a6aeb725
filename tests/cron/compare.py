"""Compares Procession's due times with those of croniter, another implementation of cron lines.

Usage: compare.py PROGRAM [COUNT] [SEED], where PROGRAM is the built example `due_times` of the language's crate. It asks both
for the due time after COUNT random moments (10,000) in random time zones, a third of them around changes of clocks. Each
difference must have one of the reasons below; one without a reason is a failure.
"""

import random
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

ZONES = [
    "UTC", "Europe/Berlin", "Europe/Vienna", "Europe/London", "America/New_York", "US/Pacific", "US/Central",
    "America/Sao_Paulo", "Asia/Tokyo", "Asia/Kolkata", "Asia/Beirut", "Africa/Cairo", "Australia/Lord_Howe",
    "Australia/Sydney", "Antarctica/Troll", "Pacific/Auckland", "America/Havana", "Asia/Kathmandu",
]

AROUND = [
    "2013-03-10", "2017-10-29", "2018-02-18", "2021-03-14", "2022-03-13", "2023-03-26", "2024-03-31", "2024-04-26",
    "2024-10-27", "2025-03-09", "2026-03-08", "2026-03-29", "2026-10-04", "2026-10-25", "2026-11-01",
]


def field(dice, low, high, names=()):
    kind = dice.random()
    if kind < 0.35:
        return "*"
    if kind < 0.60:
        return str(dice.randint(low, high))
    if kind < 0.72:
        return f"*/{dice.randint(2, max(2, (high - low) // 2))}"
    if kind < 0.84:
        first = dice.randint(low, high - 1)
        return f"{first}-{dice.randint(first + 1, high)}"
    if kind < 0.94 or not names:
        return ",".join(str(number) for number in sorted(dice.sample(range(low, high + 1), dice.randint(2, 4))))
    return dice.choice(names)


def line(dice):
    months = ["JAN", "FEB", "MAR", "JUN", "OCT", "DEC"]
    days = ["SUN", "MON", "WED", "FRI", "SAT"]
    minute, hour = field(dice, 0, 59), field(dice, 0, 23)
    day, month, weekday = field(dice, 1, 28), field(dice, 1, 12, months), field(dice, 0, 6, days)
    # Most lines say something of the time of day, and little of the day.
    if dice.random() < 0.6:
        day = "*"
    if dice.random() < 0.7:
        month = "*"
    if dice.random() < 0.6:
        weekday = "*"
    return f"{minute} {hour} {day} {month} {weekday}"


def moment(dice):
    if dice.random() < 0.34:
        start = datetime.fromisoformat(dice.choice(AROUND)).replace(tzinfo=timezone.utc)
        return start + timedelta(minutes=dice.randint(-24 * 60, 36 * 60))
    start = datetime(2010, 1, 1, tzinfo=timezone.utc)
    return start + timedelta(seconds=dice.randint(0, 25 * 365 * 86_400))


def changes_near(instant, zone):
    """Whether clocks change within two days of an instant."""
    offsets = {(instant + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-50, 51)}
    return len(offsets) > 1


def theirs(cron, zone, after):
    return croniter(cron, after.astimezone(zone)).get_next(datetime).astimezone(timezone.utc)


def shows(cron, zone, instant):
    """Whether clocks of the zone show a time of the line, by croniter's own reading of its fields."""
    return croniter.match(cron, instant.astimezone(zone).replace(tzinfo=None))


def reason(cron, zone, after, ours, other):
    """Why the two differ; None if there is no reason."""
    fields = cron.split()
    # croniter takes a range over the whole week for `*`, and then the day of the month alone counts.
    if fields[4] == "0-6" and fields[2] != "*":
        return "a range over the whole week is a day of the week too: either fits (spec 1.8)"
    by_elapsed_time = any(sign in text for text in fields[:2] for sign in "*/")
    is_first = ours is not None and after < ours and (ours < other or not shows(cron, zone, other))
    if by_elapsed_time and is_first and changes_near(ours, zone) and shows(cron, zone, ours):
        return "a wildcard or step in hour or minute goes by elapsed time (spec 1.8)"
    return None


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    dice = random.Random(seed)
    questions = [(line(dice), dice.choice(ZONES), moment(dice)) for _ in range(count)]
    text = "".join(f"{cron}\t{zone}\t{after.isoformat()}\n" for cron, zone, after in questions)
    answered = subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answered) == count, f"{len(answered)} answers to {count} questions"
    reasons, failures = Counter(), []
    for (cron, name, after), answer in zip(questions, answered):
        zone = ZoneInfo(name)
        ours = datetime.fromisoformat(answer) if answer else None
        try:
            other = theirs(cron, zone, after)
        except Exception as error:  # croniter gives up on some lines
            reasons[f"croniter has no answer: {type(error).__name__}"] += 1
            continue
        if ours == other:
            continue
        why = reason(cron, zone, after, ours, other)
        if why:
            reasons[why] += 1
        else:
            failures.append((cron, name, after.isoformat(), answer, other.isoformat()))
    print(f"{count} due times compared (seed {seed}); {sum(reasons.values())} differ for a reason:")
    for why, times in reasons.most_common():
        print(f"  {times:5} {why}")
    for failure in failures[:20]:
        print("without a reason: `{}` in {} after {}: {} here, {} there".format(*failure))
    if failures:
        sys.exit(f"{len(failures)} differences have no reason")


if __name__ == "__main__":
    main()
