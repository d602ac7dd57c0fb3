// Vectors for both signatures, each computed by an implementation that is not ours.
import { expiresV1, type Parameters } from "../../src/exoscale/signature.ts";

/** Key of all vectors. */
export const API_KEY = "EXO0123456789abcdef01234567";
/** Secret of all vectors. */
export const SECRET = "k8Q3vZr1n5T7wY2bF4hJ6mP9sD0xG1cV3aL5eN7uR9q";
/** Expiry of all vectors. */
export const EXPIRES = 1893456000;
const INSTANCE = "9b1e6f20-53c4-4a7d-8e2f-0a1b2c3d4e5f";
const ADDRESS = "4d2f1c3a-7b58-4e0c-9a61-2f0b6d1e8c37";

/** API v2: letter, request line, body, query values as signed, names as listed, signature. */
export const VECTORS_V2: [string, string, string, string, string, string][] = [
  ["A", "GET /v2/zone", "", "", "", "tpTPC8hXzc2dPc4TUP32OsjysialEj9lCVMV6OXDNZ0="],
  ["B", `GET /v2/instance/${INSTANCE}`, "", "", "", "hZT7MBX8CH3iOCvlX54YBCyBg0JkVaoxzu6Hybil4P8="],
  [
    "C",
    "GET /v2/instance?ip-address=198.51.100.50",
    "",
    "198.51.100.50",
    "ip-address",
    "DvAhyzdElg7wG/ubKnGcW8mys50InN9GJGTptq+T13Y=",
  ],
  [
    "D",
    "GET /v2/instance?manager-type=instance-pool&manager-id=c0ffee00-1234-4abc-8def-5566778899aa",
    "",
    "c0ffee00-1234-4abc-8def-5566778899aainstance-pool",
    "manager-id;manager-type",
    "c4ra8roSGQHEDw0cttgmvX2uBqf1TMjvDopaQGd6U/w=",
  ],
  [
    "E",
    `PUT /v2/elastic-ip/${ADDRESS}:attach`,
    `{"instance":{"id":"${INSTANCE}"}}`,
    "",
    "",
    "QPq8PzclNjc8i3Dk8GuJNHo9J0Zei6dKtQOvMu8ipxM=",
  ],
  [
    "F",
    `PUT /v2/elastic-ip/${ADDRESS}:detach`,
    `{"instance": {"id": "${INSTANCE}"}}`,
    "",
    "",
    "Oao9jVJfYGsEMF9Je3KRe8Tp7vJhkyEO/X9Bl3cKiLo=",
  ],
  [
    "G",
    "GET /v2/instance?ip-address=2001%3Adb8%3A%3A50",
    "",
    "2001:db8::50",
    "ip-address",
    "wArRU/29J3Vy/sQvUe+YT4gv+tu871kY//FrIUY4zzA=",
  ],
  [
    "H",
    "GET /v2/instance?labels=role%3Dedge+proxy",
    "",
    "role=edge proxy",
    "labels",
    "v/IoVWfx6tz9j2dj3GpXiHTYKTB1/yrklhWb+m+4Phg=",
  ],
  [
    "I",
    `PUT /v2/elastic-ip/${ADDRESS}`,
    '{"description":"Zürich edge"}',
    "",
    "",
    "95DUsqYUpATcwzumtZcqsvh1oVbyXgHgDiNcC4fycyo=",
  ],
  [
    "J",
    "GET /v2/operation/0d9c8b7a-6f5e-4d3c-2b1a-0f1e2d3c4b5a",
    "",
    "",
    "",
    "HgPdB8xr2nWPXPZ3Ty2B/5Ygrg5DaMUyxXot8ycKe5o=",
  ],
  ["K", "GET /v2/quota/elastic%20ip", "", "", "", "28GhhFfF4e8+5Nf0R61cZVCkmyQmcOqzC2vx06V2P2s="],
];

const COMMON = {
  apikey: API_KEY,
  response: "json",
  signatureversion: "3",
  expires: expiresV1(EXPIRES * 1000),
};
const OLDER = { apikey: API_KEY, response: "json" };
const EXPIRY = "expires=2030-01-01t00%3a00%3a00%2b0000";
const KEY = "apikey=exo0123456789abcdef01234567";
/** Parameters of the third vector for API v1. */
export const ADD = {
  ...COMMON,
  command: "addIpToNic",
  nicid: "3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93",
  ipaddress: "198.51.100.50",
};

/** API v1: parameters, message, signature. */
export const VECTORS_V1: [Parameters, string, string][] = [
  [
    { ...COMMON, command: "listVirtualMachines", id: INSTANCE, page: "1", pagesize: "50" },
    `${KEY}&command=listvirtualmachines&${EXPIRY}&id=${INSTANCE}&page=1&pagesize=50` +
    "&response=json&signatureversion=3",
    "wGaJFgbKDuteCx7n+LSh1LTWCT0=",
  ],
  [
    {
      ...COMMON,
      command: "listVirtualMachines",
      page: "1",
      pagesize: "50",
      state: "Running",
      zoneid: "1128bd56-b4d9-4ac6-a7b9-c715b187ce11",
    },
    `${KEY}&command=listvirtualmachines&${EXPIRY}&page=1&pagesize=50&response=json` +
    "&signatureversion=3&state=running&zoneid=1128bd56-b4d9-4ac6-a7b9-c715b187ce11",
    "mTpr3wXUeIqOwemdsHNaryuDa1U=",
  ],
  [
    ADD,
    `${KEY}&command=addiptonic&${EXPIRY}&ipaddress=198.51.100.50` +
    "&nicid=3f8a2b64-9c1d-4e7f-a5b0-6d2c8e4f1a93&response=json&signatureversion=3",
    "UHYC2FHc0bWe4o9FkH/q0WGYoz4=",
  ],
  [
    { ...COMMON, command: "removeIpFromNic", id: "7e5d3c1b-2a49-4f86-b0c7-d1e2f3a4b5c6" },
    `${KEY}&command=removeipfromnic&${EXPIRY}&id=7e5d3c1b-2a49-4f86-b0c7-d1e2f3a4b5c6` +
    "&response=json&signatureversion=3",
    "30cb0F471eSCjHWP1BeQKN3InjM=",
  ],
  [
    { ...COMMON, command: "queryAsyncJobResult", jobid: "5a4b3c2d-1e0f-4a9b-8c7d-6e5f4a3b2c1d" },
    `${KEY}&command=queryasyncjobresult&${EXPIRY}&jobid=5a4b3c2d-1e0f-4a9b-8c7d-6e5f4a3b2c1d` +
    "&response=json&signatureversion=3",
    "EoDHuj50c9h2uaB+lv0lscSaTBk=",
  ],
  [
    { ...OLDER, command: "listVirtualMachines", name: "web & lb/1+2" },
    `${KEY}&command=listvirtualmachines&name=web%20%26%20lb%2f1%2b2&response=json`,
    "hjD5sK8mb+HcBBfVY/IvVUadGT0=",
  ],
];
