"""Whether every type and function of the public headers says what it is, by the XML that doxygen made of them.

usage: check_api_comments.py FOLDER   (of scripts/make_api_reference.sh)

Counts as said: a comment of its own. Also, as the headers are written: the comment of the declaration directly above, of an
overload above, or of the type that ends directly above; for the type or function that a header is named
for, the header's opening comment. Nothing is asked of constructors, operators, overrides, accessors without arguments, and of
headers that call themselves internal to the library, private to the kernel, or not for other callers.
"""
import glob
import os
import re
import sys
import xml.etree.ElementTree as xml

LINES_THAT_THE_FILTER_ADDS = 6  # above the first declaration, scripts/api_filter.awk


def has_text(element):
    return any(
        "".join(part.itertext()).strip()
        for name in ("briefdescription", "detaileddescription", "inbodydescription")
        for part in element.findall(name)
    )


class Headers:
    """The sources: lines, opening comments, and where a documented type ends."""

    def __init__(self):
        self.lines, self.ends = {}, {}

    def of(self, file):
        if file not in self.lines:
            self.lines[file] = open(file, encoding="utf-8").read().split("\n")
        return self.lines[file]

    def opening(self, file):
        lines = []
        for line in self.of(file):
            if not line.startswith(("//", "/*", " *")):
                break
            lines.append(line)
        return " ".join(lines)

    def is_internal(self, file):
        return re.search("internal to|private to|not for other callers", self.opening(file), re.IGNORECASE)

    def is_named_for(self, file, name):
        stem = os.path.splitext(os.path.basename(file))[0]
        return name.lower() == stem.replace("_", "") or name == stem


def place(element):
    location = element.find("location")
    return location.get("file"), int(location.get("line")) - LINES_THAT_THE_FILTER_ADDS


def exempt(member, scope):
    name, last = member.findtext("name"), scope.split("::")[-1].split("<")[0].strip()
    if name in (last, "~" + last) or name.startswith("operator") or member.find("reimplements") is not None:
        return True
    is_method = scope.split("::")[-1][:1].isupper()
    return is_method and member.get("const") == "yes" and member.find("param") is None


def missing(folder):
    headers, gaps, checked = Headers(), [], 0
    compounds = [
        compound
        for path in sorted(glob.glob(os.path.join(folder, "xml", "*.xml")))
        for compound in xml.parse(path).getroot().findall("compounddef")
    ]

    def lacks(file, line, what, name):
        if len(headers.opening(file)) > 40 and headers.is_named_for(file, name.split("::")[-1].split("<")[0].strip()):
            return
        gaps.append((file, line, what, name))

    for compound in compounds:  # types first: functions below them lean on their comments
        if compound.get("kind") not in ("class", "struct") or compound.get("prot") != "public":
            continue
        (file, line), name = place(compound), compound.findtext("compoundname")
        if headers.is_internal(file):
            continue
        checked += 1
        if not has_text(compound):
            lacks(file, line, compound.get("kind"), name)
        body = compound.find("location").get("bodyend")
        if has_text(compound) and body and int(body) > 0:
            headers.ends.setdefault(file, set()).add(int(body) - LINES_THAT_THE_FILTER_ADDS)
    for compound in compounds:
        kind, scope = compound.get("kind"), compound.findtext("compoundname")
        if kind not in ("class", "struct", "namespace", "file"):
            continue
        members = [m for m in compound.iter("memberdef") if m.get("prot") == "public" and m.findtext("name")]
        above, said_names = None, set()
        for member in sorted(members, key=place):
            what, name, (file, line) = member.get("kind"), member.findtext("name"), place(member)
            if what not in ("function", "enum") or headers.is_internal(file):
                continue
            if what == "function" and exempt(member, scope):
                continue
            checked += 1
            said = has_text(member)
            if not said:
                said = (
                    (above and above[0] == file and line <= above[1] + 1)
                    or (file, name) in said_names
                    or line - 1 in headers.ends.get(file, ())
                )
            if not said:
                lacks(file, line, what, (scope + "::" if kind != "file" else "") + name)
                continue
            said_names.add((file, name))
            declaration = headers.of(file)[line - 1 :]
            length = next((i for i, text in enumerate(declaration) if re.search(r"[;{}]\s*(//.*)?$", text)), 0)
            above = (file, line + length)
    return sorted(set(gaps)), checked


if __name__ == "__main__":
    gaps, checked = missing(sys.argv[1])
    for file, line, what, name in gaps:
        print(f"{file}:{line}: {what} {name} has no comment")
    print(f"{checked} types and functions, {len(gaps)} without a comment")
    sys.exit(1 if gaps or checked < 500 else 0)
