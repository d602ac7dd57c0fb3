// The contract suite against both clouds.
import { APIS } from "../support/cloud/cloud_fixture.ts";
import { testChanges } from "./changes_contract.ts";
import { testCalls, testReading } from "./cloud_contract.ts";

for (const api of APIS) {
  testReading(api);
  testChanges(api);
  testCalls(api);
}
