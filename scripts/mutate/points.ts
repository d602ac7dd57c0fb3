// Finds where and how a file can be changed. It is a lint plugin, so that Deno's own parser finds the places and skips
// comments, strings and types. It reports each change as JSON; find.ts runs it.

/** A range of the file, and its replacement. Offsets count UTF-16 units. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Replacements of each operator: comparisons move by one step and are inverted, others become their counterpart. */
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
/** Adding one to a round time or size is not a useful mutant. */
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
        /** Replaces the operator between two operands, whatever parentheses surround them. */
        const swap = (
          node: Deno.lint.Node,
          sides: readonly [Deno.lint.Node, Deno.lint.Node],
          [operator, other]: readonly [string, string],
        ) => {
          const start = operatorAt(text, operator, [sides[0].range[1], sides[1].range[0]]);
          change(node, [start, start + operator.length], other);
        };
        return {
          // The linter caches files without findings, and would skip them the next time even if this plugin has
          // changed.
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
              // No code here distinguishes null from undefined.
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
              // The number parser does not accept 1_000.
              const value = Number(textOf(node).replaceAll("_", ""));
              for (const other of othersOf(value)) replace(node, `${other}`);
            }
          },
          MemberExpression(node) {
            // The parser marks the links after an optional one as optional, too.
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
          // An endless loop only proves that it never ends.
          WhileStatement: ({ test }) => replace(test, "false"),
        };
      },
    },
  },
};

export default plugin;

/** Replacements of a number: its neighbours, or else zero and twice its value. */
function othersOf(value: number): number[] {
  const round = value >= ROUND && value % ROUND === 0;
  return round || !Number.isInteger(value) ? [0, value * 2] : [value + 1, value - 1];
}

/** The position of the operator between two operands, skipping comments. */
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

/** Whether the literal is the name of a property. */
function isName(node: Deno.lint.Literal): boolean {
  const { parent } = node;
  return parent?.type === "Property" && parent.key === node;
}
