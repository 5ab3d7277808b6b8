#!/usr/bin/env python3
"""Write tests/data/phones.tsv: phone numbers as people type them, each with its known answer.

The answer is built together with the input, from the plain number that it stands for; the rules of the
library are not repeated here. Deterministic: run it again and the file is the same.
Columns: input (odd characters as \\uXXXX), then the E.164 text or a status code.
Usage: make_phone_corpus.py > tests/data/phones.tsv
"""
import random

INVALID, NO_SMS = "phone_invalid", "phone_country_not_allowed"
MOBILE = [501, 505, 506, 507, 510, 516, 524, *range(530, 540), *range(540, 550), *range(551, 556), 559, 561, 594, 596]
NO_MOBILE = [500, 502, 503, 504, 508, 509, 511, 512, 513, 514, 515, 517, 518, 519, 520, 521, 522, 523, 525, 526, 527, 528,
             529, 550, 556, 557, 558, 560, 562, 563, 570, 580, 590, 591, 592, 593, 595, 597, 598, 599, 212, 216, 222, 232,
             242, 256, 312, 322, 342, 352, 362, 392, 412, 424, 432, 442, 462, 484, 800, 811, 822, 850, 888, 898, 900]

rng = random.Random(20240229)
rows, seen = [], set()


def add(text, answer):
    text = "".join(c if " " <= c <= "~" and c != "\\" else "\\u%04x" % ord(c) for c in text)
    if text not in seen:
        seen.add(text)
        rows.append((text, answer))


def tail():
    return "%07d" % rng.randrange(10**7)


def group(n, gap):
    """5321234567 -> 532 123 45 67"""
    return gap.join([n[:3], n[3:6], n[6:8], n[8:]])


def script(text, zero):
    return "".join(chr(zero + int(c)) if c.isdigit() else c for c in text)


def turkish_forms(n):
    yield "0" + n
    yield n
    yield "90" + n
    yield "0090" + n
    yield "+90" + n
    yield "+90 0 " + group(n, " ")
    yield "+90 (0) " + group(n, " ")
    yield "(0" + n[:3] + ") " + n[3:6] + " " + n[6:8] + " " + n[8:]
    yield "0" + group(n, "-")
    yield "+90." + group(n, ".")
    yield "+90 (" + n[:3] + ") " + n[3:6] + "-" + n[6:]
    yield "900" + n
    yield "00 90 " + group(n, " ")
    yield "009 00" + n


# Every mobile range in three forms, chosen in turn.
forms = len(list(turkish_forms("5321234567")))
for i, first in enumerate(MOBILE):
    for j in range(5):
        n = str(first) + tail()
        add(list(turkish_forms(n))[(5 * i + j) % forms], "+90" + n)

# What is Turkish and takes no SMS.
for i, first in enumerate(NO_MOBILE):
    n = str(first) + tail()
    add("0" + n, NO_SMS)
    add(list(turkish_forms(n))[i % forms] if first != 900 else "+90" + n, NO_SMS)
for text in ["444 1 444", "4441444", "+904441444", "0 444 0 123", "900 123 45 67", "0900 1234567"]:
    add(text, NO_SMS)

# Other scripts, invisible marks, odd spaces and dashes.
for zero in (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x17E0, 0x0F20, 0x1040, 0xFF10, 0x2080):
    n = "532" + tail()
    add(script("0" + n, zero), "+90" + n)
    add("+" + script("90" + n, zero), "+90" + n)
for mark in "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u061c\u00ad":
    n = "542" + tail()
    add(mark + "+90" + n + mark, "+90" + n)
    add("0" + n[:4] + mark + n[4:], "+90" + n)
for gap in "\u00a0\u2002\u2007\u2009\u202f\u205f\u3000\u2010\u2011\u2012\u2013\u2014\u2212\t":
    n = "555" + tail()
    add("+90" + gap + group(n, gap), "+90" + n)
n = "533" + tail()
add("\uff0b\uff19\uff10" + n, "+90" + n)
add("\uff08\uff10" + n[:3] + "\uff09" + n[3:], "+90" + n)
add("\u207a90" + n, "+90" + n)

# Northern Cyprus's Turkcell lies in the Turkish plan.
for k in range(5):
    n = "5338" + str(3 + k) + "%05d" % rng.randrange(10**5)
    add("+90 " + n, "+90" + n)

# Other countries: only with + or 00, zeros kept.
OTHERS = ["49 1512 3456789", "44 7911 123456", "1 212 555 0123", "33 6 12 34 56 78", "39 06 6982 1234", "39 347 123 4567",
          "378 0549 886377", "7 916 123 4567", "81 90 1234 5678", "86 138 0013 8000", "966 50 123 4567", "971 50 123 4567",
          "994 50 123 45 67", "20 100 123 4567", "357 96 123456", "30 694 123 4567", "31 6 12345678", "32 470 12 34 56",
          "43 664 1234567", "45 20 12 34 56", "46 70 123 45 67", "47 412 34 567", "354 611 1234", "352 628 123 456",
          "55 11 91234 5678", "61 412 345 678", "64 21 123 4567", "91 98765 43210", "92 301 2345678", "98 912 345 6789",
          "380 50 123 4567", "40 712 034 567", "359 87 123 4567", "381 60 1234567", "387 61 123 456", "355 67 212 3456",
          "383 43 201 234", "389 72 345 678", "995 555 12 34 56", "374 77 123456", "964 791 234 5678", "963 944 567 890",
          "961 71 123 456", "972 50 234 5678", "970 599 123 456", "212 650 123456", "216 20 123 456", "218 91 2345678",
          "249 91 123 1234", "254 712 123456", "290 51234 56", "683 8884012"]
for i, other in enumerate(OTHERS):
    e164 = "+" + other.replace(" ", "")
    add("+" + other, e164)
    add("00" + other.replace(" ", "-"), e164)
    if i % 4 == 0:
        add("(+" + other.split(" ")[0] + ") " + " ".join(other.split(" ")[1:]), e164)

# Exactly as long and as short as allowed, and one beyond.
add("+123456789012345", "+123456789012345")
add("+1234567890123456", INVALID)
add("+4912345", "+4912345")
add("+491234", INVALID)

# Not numbers.
for text in ["", " ", "+", "++905321234567", "+90+5321234567", "905321234567+", "0532 123 45 6", "0532 123 45 678", "532123456",
             "53212345678", "+90532123456", "+9053212345678", "0", "00", "000000000000", "+0905321234567", "+00905321234567",
             "0005321234567", "112", "155", "+112", "0532-ABC-4567", "0532 123 45 67 x2", "tel:+905321234567", "1532123456",
             "01321234567", "+901321234567", "+90 00 532 123 45 67", "05321234567,05331234567", "05321234567;ext=1",
             "0532 123 45 67#", "*905321234567", "5321234567890123456789", "90", "+90", "0090", "9005", "0x5321234567",
             "\u0130532", "\u00bd05321234567", "0532\u00b71234567", "0532\u0000", "05321234567\n", "'05321234567", "NULL",
             "1e10", "-1", "0.5", "05321234567'--", "\U0001f4de", "49 1512 3456789", "+" + "9" * 40, "9" * 130]:
    if all(ord(c) < 0x10000 for c in text):
        add(text, INVALID)

if __name__ == "__main__":
    for text, answer in rows:
        print(text + "\t" + answer)
