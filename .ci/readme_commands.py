"""Print the commands of the README's section "Quick start", one a line."""

import re
import sys
from pathlib import Path

section = Path(sys.argv[1]).read_text("utf-8").split("## Quick start\n")[1].split("\n## ")[0]
for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[:2]:
    print(block.strip())
