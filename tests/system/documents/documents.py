"""The documents: their blocks of code, commands and links."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]

NAMES = ("CHANGELOG", "CONTRIBUTING", "README", "SECURITY")

DOCUMENTS = sorted([*ROOT.glob("docs/*.md"), *(ROOT / f"{name}.md" for name in NAMES)])


def find_blocks(document: str, language: str) -> list[str]:
    """The blocks of code of one language in a document, in their order."""
    text = (ROOT / document).read_text()
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def find_commands(document: str) -> list[str]:
    """The commands in the blocks for a shell, without their comments, one line each."""
    lines = "".join(find_blocks(document, "sh")).replace("\\\n", " ").splitlines()
    commands = (re.sub(r"\s+#.*", "", line).strip() for line in lines)
    return [re.sub(r"\s+", " ", command) for command in commands if command]
