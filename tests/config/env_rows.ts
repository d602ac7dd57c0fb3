// Lines of a file of variables, and how systemd reads them.

/** Each text with its variables. */
export const ENV_ROWS: ReadonlyArray<readonly [text: string, variables: Record<string, string>]> = [
  ["A=1\nB=two words\n", { A: "1", B: "two words" }],
  ["A=1", { A: "1" }],
  ["", {}],
  ["# comment\n; comment\n   # comment\n\nA=1\n", { A: "1" }],
  ["A=pa#ss;word # no comment\n", { A: "pa#ss;word # no comment" }],
  ["A=$B ${B} `b`\n", { A: "$B ${B} `b`" }],
  ["  A = 1  \n", { A: "1" }],
  ["A=\nB=\"\"\nC=''\n", { A: "", B: "", C: "" }],
  ['A="a \'b\' \\"c\\" \\\\ \\$d \\n"\n', { A: "a 'b' \"c\" \\ $d \\n" }],
  ["A='a \"b\" \\n'\n", { A: 'a "b" \\n' }],
  ['A="two\nlines"\nB=1\n', { A: "two\nlines", B: "1" }],
  ['A=\'x\'  \nB="x" "y" z\n', { A: "x", B: "xyz" }],
  ['A=x"y"\n', { A: 'x"y"' }],
  ["A=one \\\n  two\n", { A: "one   two" }],
  ["A=a\\b\\\\c\\ \n", { A: "ab\\c " }],
  ["A=1\nA=2\n", { A: "2" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["A=b=c=\n", { A: "b=c=" }],
  ["A=é\n", { A: "é" }],
];
