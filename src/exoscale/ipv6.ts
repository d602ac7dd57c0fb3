// Whether an instance can have an Elastic IPv6: only one with IPv6 of its own. `exo compute instance update` has no
// option that turns it on; the CLI's raw command for the API's `update-instance` can.

/**
 * Why an instance with that `public-ip-assignment` cannot, and what to do; null when it can, or when that is unknown.
 */
export function ipv6Problem(assignment: string, instanceId: string): string | null {
  switch (assignment) {
    case "inet4":
      return "it has no IPv6. Turn it on: " +
        `exo api update-instance ${instanceId} 'public-ip-assignment: dual' ` +
        "(Terraform: ipv6 = true), and set it up within the machine";
    case "none":
      return "it is a private instance, which cannot get IPv6: use another one";
    default:
      return null;
  }
}
