// The rights of the API key's role: deny by default, rules in order, and the one form of CEL that our policies use.
import type { IamPolicy } from "../../../src/exoscale/iam_policy.ts";

/** A request, in the terms of the policy. */
export interface RoleRequest {
  readonly operation: string;
  /** Address of the request's Elastic IP, null without one. */
  readonly elasticIp: string | null;
}

/** Operations by method and path; `*` stands for an id. */
const OPERATIONS: Readonly<Record<string, string>> = {
  "GET /zone": "list-zones",
  "GET /instance": "list-instances",
  "GET /instance/*": "get-instance",
  "GET /elastic-ip": "list-elastic-ips",
  "GET /elastic-ip/*": "get-elastic-ip",
  "PUT /elastic-ip/*:attach": "attach-instance-to-elastic-ip",
  "PUT /elastic-ip/*:detach": "detach-instance-from-elastic-ip",
  "GET /instance-type/*": "get-instance-type",
  "GET /template/*": "get-template",
  "GET /operation/*": "get-operation",
  "GET /security-group": "list-security-groups",
  "GET /security-group/*": "get-security-group",
  "GET /private-network": "list-private-networks",
  "GET /private-network/*": "get-private-network",
  "GET /instance-pool": "list-instance-pools",
  "GET /instance-pool/*": "get-instance-pool",
};

/** The operation that the API description gives for the request; empty for none. */
export function operationOf(method: string, path: string): string {
  return OPERATIONS[`${method} ${path.replace(/^(\/[^/]+\/)[^/:]+/, "$1*")}`] ?? "";
}

/** Whether the policy allows the request; without a matching rule it is refused. */
export function allows({ services }: IamPolicy, request: RoleRequest): boolean {
  for (const { action, expression } of services.compute?.rules ?? []) {
    if (matches(expression, request)) return action === "allow";
  }
  return false;
}

/** An expression that cannot be evaluated, or has an unknown form, does not match. */
function matches(expression: string, { operation, elasticIp }: RoleRequest): boolean {
  const values: Readonly<Record<string, string | null>> = {
    "operation": operation,
    "resources.elastic_ip.ip": elasticIp,
  };
  return expression.split(" && ").every((term) => {
    const [, name = "", list = ""] = /^([a-z_.]+) in \[('[^']*'(?:, '[^']*')*)\]$/.exec(term) ?? [];
    const value = values[name] ?? null;
    return value !== null && list.split(", ").includes(`'${value}'`);
  });
}
