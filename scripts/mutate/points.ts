// Where a file can be changed, and into what: a lint plugin, so that the runtime's own parser finds the places and no
// comment, string or type is taken for one. It reports each change as JSON; find.ts runs it.

/** Characters of the file, and what takes their place. Offsets count UTF-16 units. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What each operator becomes: bounds move by one step and turn round, the others become their counterpart. */
const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "**": ["*"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "^": ["|"],
};
/** Functions that have a counterpart, by their last name. */
const CALLS = new Map([["min", "max"], ["max", "min"], ["some", "every"], ["every", "some"]]);
/** One more or less of a time or a size that is round says nothing. */
const ROUND = 100;

/** The rule `mutate/points`. */
const plugin: Deno.lint.Plugin = {
  name: "mutate",
  rules: {
    points: {
      create(context) {
        const text = context.sourceCode.text;
        const textOf = (node: Deno.lint.Node) => text.slice(...node.range);
        const change = (node: Deno.lint.Node, [start, end]: readonly number[], after: string) => {
          const edit = { start, end, text: after };
          context.report({ node, message: JSON.stringify(edit) });
        };
        const replace = (node: Deno.lint.Node, after: string) => change(node, node.range, after);
        const condition = (node: Deno.lint.Node) => {
          if (node.type === "Literal") return;
          replace(node, "true");
          replace(node, "false");
        };
        /** The operator between two operands, with whatever brackets stand there. */
        const swap = (
          node: Deno.lint.Node,
          sides: readonly [Deno.lint.Node, Deno.lint.Node],
          [operator, other]: readonly [string, string],
        ) => {
          const start = operatorAt(text, operator, [sides[0].range[1], sides[1].range[0]]);
          change(node, [start, start + operator.length], other);
        };
        return {
          // The linter remembers files without a complaint and leaves them out the next time, whatever changes here.
          Program: (node) => context.report({ node, message: "null" }),
          BinaryExpression(node) {
            const { left, right, operator } = node;
            if (operator === "+" && (isText(left) || isText(right))) return;
            for (const other of OPERATORS[operator] ?? []) {
              swap(node, [left, right], [operator, other]);
            }
          },
          LogicalExpression(node) {
            const { left, right, operator } = node;
            if (operator === "??") {
              // Nothing tells null from undefined here.
              if (textOf(right) !== "null") replace(node, `(${textOf(left)})`);
              replace(node, `(${textOf(right)})`);
              return;
            }
            swap(node, [left, right], [operator, operator === "&&" ? "||" : "&&"]);
          },
          AssignmentExpression(node) {
            const { left, right, operator } = node;
            const other = OPERATORS[operator.slice(0, -1)]?.[0];
            if (other && operator.length > 1) swap(node, [left, right], [operator, `${other}=`]);
          },
          UnaryExpression(node) {
            if (isType(node.parent) || !["!", "-"].includes(node.operator)) return;
            change(node, [node.range[0], node.range[0] + node.operator.length], "");
          },
          Literal(node) {
            if (isType(node.parent) || isName(node)) return;
            if (typeof node.value === "boolean") replace(node, `${!node.value}`);
            if (typeof node.value === "number") {
              // The parser does not read 1_000.
              const value = Number(textOf(node).replaceAll("_", ""));
              for (const other of othersOf(value)) replace(node, `${other}`);
            }
          },
          MemberExpression(node) {
            // The parser calls the links after an optional one optional, too.
            const link = [node.object.range[1], node.property.range[0]] as const;
            const index = text.slice(...link).indexOf("?.");
            if (!node.optional || index < 0) return;
            const start = link[0] + index;
            change(node, [start, start + 2], node.computed ? "" : ".");
          },
          CallExpression({ callee }) {
            if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
            const other = CALLS.get(callee.property.name);
            if (other) replace(callee.property, other);
          },
          IfStatement: ({ test }) => condition(test),
          ConditionalExpression: ({ test }) => condition(test),
          // A loop that never ends says nothing but that it never ends.
          WhileStatement: ({ test }) => replace(test, "false"),
        };
      },
    },
  },
};

export default plugin;

/** Numbers that stand for one: its neighbours, or else nothing and twice as much. */
function othersOf(value: number): number[] {
  const round = value >= ROUND && value % ROUND === 0;
  return round || !Number.isInteger(value) ? [0, value * 2] : [value + 1, value - 1];
}

/** Where the operator stands between two operands: not in a comment. */
function operatorAt(text: string, operator: string, [start, end]: readonly [number, number]) {
  const blank = (comment: string) => " ".repeat(comment.length);
  const between = text.slice(start, end).replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, blank);
  const index = between.indexOf(operator);
  if (index < 0) throw new Error(`no ${operator} in ${JSON.stringify(between)}`);
  return start + index;
}

function isText(node: Deno.lint.Node): boolean {
  return node.type === "TemplateLiteral" ||
    (node.type === "Literal" && typeof node.value === "string");
}

function isType({ type }: Deno.lint.Node): boolean {
  return type.startsWith("TS") && type !== "TSAsExpression" && type !== "TSSatisfiesExpression" &&
    type !== "TSNonNullExpression";
}

/** Whether it is the name of a property. */
function isName(node: Deno.lint.Literal): boolean {
  const { parent } = node;
  return parent?.type === "Property" && parent.key === node;
}
