// The contract suite against both clouds.
import { APIS } from "../exoscale/stage.ts";
import { testChanges } from "./changes_contract.ts";
import { testCalls, testReading } from "./cloud_contract.ts";

for (const api of APIS) {
  testReading(api);
  testChanges(api);
  testCalls(api);
}
