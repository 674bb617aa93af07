"""An SMT solver as a program: reads SMT-LIB from stdin, one command after another, and answers each on stdout.

The package of cvc5 brings a module for Python and no executable; this is the executable.
"""

import sys

import cvc5

# Milliseconds for one question; after that the answer is `unknown`, which proves nothing.
LIMIT = "60000"


def commands(lines):
    """Yields the text of one command at a time: everything until its parentheses are closed."""
    text, depth, inside = "", 0, None
    for line in lines:
        for char in line:
            if inside == ";":
                inside = None if char == "\n" else inside
            elif inside:
                inside = None if char == inside else inside
            elif char in '"|;':
                inside = char
            else:
                depth += (char == "(") - (char == ")")
        text += line
        if depth == 0 and inside is None:
            yield text
            text = ""


def fresh():
    solver = cvc5.Solver()
    solver.setOption("tlimit-per", LIMIT)
    parser = cvc5.InputParser(solver, cvc5.SymbolManager(solver.getTermManager()))
    return solver, parser


def main():
    solver, parser = fresh()
    for text in commands(sys.stdin):
        if text.strip() == "(reset)":
            solver, parser = fresh()
            continue
        try:
            parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "stdin")
            while not (command := parser.nextCommand()).isNull():
                print(command.invoke(solver, parser.getSymbolManager()), end="")
        except RuntimeError as error:
            print('(error "%s")' % str(error).replace('"', "'").replace("\n", " "))
        sys.stdout.flush()


main()
