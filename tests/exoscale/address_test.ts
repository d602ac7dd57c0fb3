// Elastic IPs by address, id, description and label: one listing, and a clear message when the name is ambiguous.
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { resolveAddresses } from "../../src/exoscale/address.ts";
import { ClientV2 } from "../../src/exoscale/client_v2.ts";
import { CloudError } from "../../src/exoscale/cloud_error.ts";
import {
  clientOptions,
  CloudFixture,
  ELASTIC_IP,
  PATIENT,
} from "../support/cloud/cloud_fixture.ts";
import { endsStart } from "./complaint.ts";

const OTHER = "198.51.100.51";

function resolve(fixture: CloudFixture, ...texts: string[]): Promise<string[]> {
  const client = new ClientV2(clientOptions(fixture, "v2"));
  return resolveAddresses(texts, client, PATIENT);
}

Deno.test("resolveAddresses() finds Elastic IPs by id, description and label in one call", async () => {
  await using fixture = new CloudFixture();
  const other = fixture.model.addAddress(OTHER);
  other.description = "web / Zürich";
  other.labels = { service: "web" };
  const { id } = fixture.address;
  assertEquals(await resolve(fixture, "web / Zürich", id.toUpperCase()), [OTHER, ELASTIC_IP]);
  assertEquals(fixture.server.calls.map(({ what }) => what), ["/elastic-ip"]);
  assertEquals(await resolve(fixture, "service=web", ELASTIC_IP), [OTHER, ELASTIC_IP]);
});

Deno.test("resolveAddresses() asks nobody about addresses", async () => {
  await using fixture = new CloudFixture();
  assertEquals(await resolve(fixture, "192.0.2.1", ELASTIC_IP), ["192.0.2.1", ELASTIC_IP]);
  assertEquals(fixture.server.calls, []);
});

Deno.test("resolveAddresses() lists what there is, or what may be meant", async () => {
  await using fixture = new CloudFixture();
  const other = fixture.model.addAddress(OTHER);
  other.description = fixture.address.description = "web";
  const complaint = async (...texts: string[]) => {
    const error = await assertRejects(
      () => resolve(fixture, ...texts),
      CloudError,
      "-xi (IF_ADDRESS)",
    );
    assertEquals([error.retryable, endsStart(error)], [false, true]);
    return error;
  };
  const missing = await complaint("Web");
  assertEquals(missing.kind, "no-such-address");
  assertStringIncludes(missing.message, `there are: ${ELASTIC_IP} (web), ${OTHER} (web)`);
  const twice = await complaint("web");
  assertEquals(twice.kind, "ambiguous-address");
  assertStringIncludes(twice.message, `"web" names 2 Elastic IPs`);
  assertStringIncludes(twice.message, `${ELASTIC_IP} (web), ${OTHER} (web)`);
  const same = await complaint(OTHER, other.id);
  assertStringIncludes(same.message, "are the same Elastic IP");
  fixture.model.addAddress("2001:DB8:0::1").description = "six";
  assertEquals(await resolve(fixture, "six", "2001:db8:1::1"), ["2001:db8::1", "2001:db8:1::1"]);
});
