// A lint plugin for the architecture: code in src/core decides, so it uses no clock, no randomness, no I/O, no waiting,
// and nothing outside src/core.

const FORBIDDEN_GLOBALS = new Set([
  "Deno",
  "process",
  "fetch",
  "performance",
  "crypto",
  "console",
  "setTimeout",
  "setInterval",
  "queueMicrotask",
]);
const FORBIDDEN_MEMBERS = new Set(["Math.random", "Date.now"]);
const ALLOWED_PACKAGES = ["@std/encoding/"];

/** The rule `core/pure`. */
const plugin: Deno.lint.Plugin = {
  name: "core",
  rules: {
    pure: {
      create(context) {
        if (!/\/src\/core\/.+\.ts$/.test(context.filename.replaceAll("\\", "/"))) return {};
        const refuse = (node: Deno.lint.Node, what: string) =>
          context.report({ node, message: `src/core is pure: no ${what} here` });
        return {
          Identifier(node) {
            const { parent } = node;
            const named = parent?.type === "MemberExpression" && parent.property === node &&
              !parent.computed;
            const key = parent?.type === "Property" && parent.key === node;
            if (FORBIDDEN_GLOBALS.has(node.name) && !named && !key) refuse(node, node.name);
          },
          MemberExpression(node) {
            const { object, property } = node;
            if (object.type !== "Identifier" || property.type !== "Identifier") return;
            const name = `${object.name}.${property.name}`;
            if (FORBIDDEN_MEMBERS.has(name)) refuse(node, name);
          },
          NewExpression(node) {
            const { callee } = node;
            if (callee.type === "Identifier" && ["Date", "Promise"].includes(callee.name)) {
              refuse(node, `new ${callee.name}`);
            }
          },
          AwaitExpression(node) {
            refuse(node, "await");
          },
          ImportDeclaration(node) {
            const from = node.source.value;
            const target =
              new URL(from, `file://${context.filename.replaceAll("\\", "/")}`).pathname;
            const inside = /^\.\.?\//.test(from) && target.includes("/src/core/");
            if (!inside && !ALLOWED_PACKAGES.some((name) => from.startsWith(name))) {
              refuse(node, `import of ${from}`);
            }
          },
        };
      },
    },
  },
};

export default plugin;
