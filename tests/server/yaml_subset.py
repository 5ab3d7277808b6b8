"""The part of YAML in which server/openapi.yaml is written: block and flow mappings and sequences, plain and
double-quoted scalars on one line, and literal blocks (|). Anything else raises ValueError."""
import json
import re

KEY = re.compile(r'("[^"]*"|[^\s"\'{\[#-][^:]*?|-[^\s:][^:]*?):(?:\s+(.*))?$')
CLOSING = {"{": "}", "[": "]"}


def scalar(text):
    text = text.strip()
    if text.startswith('"'):
        return json.loads(text)
    if text[:1] in ("'", "&", "*", "!", ">", "%", "@", "`"):
        raise ValueError(f"not in the subset: {text!r}")
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return {"true": True, "false": False, "null": None, "": None}.get(text, text)


class Flow:
    """One value in flow style: {a: b, c: [d, "e"]}"""

    def __init__(self, text):
        self.text, self.at = text, 0

    def space(self):
        while self.at < len(self.text) and self.text[self.at] in " \n":
            self.at += 1

    def take(self, what):
        self.space()
        if not self.text.startswith(what, self.at):
            raise ValueError(f"{what!r} expected at {self.text[self.at:self.at + 40]!r}")
        self.at += len(what)

    def word(self, ends):
        self.space()
        if self.text.startswith('"', self.at):
            match = re.compile(r'"(?:[^"\\]|\\.)*"').match(self.text, self.at)
        else:
            match = re.compile(rf"(?:(?!{ends}).)*", re.S).match(self.text, self.at)
        if not match:
            raise ValueError(f"an open quote in {self.text!r}")
        self.at = match.end()
        return scalar(match.group())

    def value(self):
        self.space()
        opening = self.text[self.at:self.at + 1]
        if opening not in CLOSING:
            return self.word(r"[,\]}]")
        result = {} if opening == "{" else []
        self.take(opening)
        self.space()
        while not self.text.startswith(CLOSING[opening], self.at):
            if opening == "{":
                key = self.word(r":\s|[,}]")
                self.take(":")
                result[str(key)] = self.value()
            else:
                result.append(self.value())
            self.space()
            if not self.text.startswith(CLOSING[opening], self.at):
                self.take(",")
                self.space()
        self.take(CLOSING[opening])
        return result


class Block:
    def __init__(self, text):
        self.lines = text.split("\n")
        self.at = 0

    def indent(self):
        """Of the next line that says something; -1 at the end."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and not line.lstrip().startswith("#"):
                return len(line) - len(line.lstrip())
            self.at += 1
        return -1

    def literal(self, indent):
        kept = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                break
            kept.append(line.strip())
            self.at += 1
        return "\n".join(kept).strip() + "\n"

    def inline(self, text, indent):
        """What stands behind a key or a dash; a flow value may go on over several lines."""
        if text == "|":
            return self.literal(indent)
        if text[:1] not in CLOSING:
            return scalar(text)
        while True:
            flow = Flow(text)
            try:
                value = flow.value()
            except ValueError:
                if self.indent() <= indent:
                    raise
                text += "\n" + self.lines[self.at]
                self.at += 1
                continue
            if text[flow.at:].strip():
                raise ValueError(f"more behind a value: {text!r}")
            return value

    def entry(self, indent):
        line = self.lines[self.at].strip()
        match = KEY.match(line)
        if not match:
            raise ValueError(f"line {self.at + 1} is not in the subset: {line!r}")
        self.at += 1
        key, rest = match.groups()
        if rest:
            return scalar(key), self.inline(rest, indent)
        return scalar(key), self.value(indent + 1)

    def value(self, least):
        indent = self.indent()
        if indent < least:
            return None
        if self.lines[self.at].lstrip().startswith("- "):
            result = []
            while self.indent() == indent:
                text = self.lines[self.at].strip()[2:]
                if text[0] not in CLOSING and KEY.match(text):
                    self.lines[self.at] = " " * (indent + 2) + text
                    result.append(self.value(indent + 2))
                else:
                    self.at += 1
                    result.append(self.inline(text, indent))
        else:
            result = {}
            while self.indent() == indent:
                key, value = self.entry(indent)
                if str(key) in result:
                    raise ValueError(f"{key!r} stands twice, the second time before line {self.at + 1}")
                result[str(key)] = value
        if self.indent() > indent:
            raise ValueError(f"line {self.at + 1} is indented too far")
        return result


def load(text):
    block = Block(text)
    value = block.value(0)
    if block.indent() != -1:
        raise ValueError(f"line {block.at + 1} belongs nowhere")
    return value
