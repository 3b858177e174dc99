// Judges requests against IAM policies: one JSON object a line in, one a line out, in order. See policies.py.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { allowedContextKeysForRequest, runSimulation, runUnsafeSimulation } = require("@cloud-copilot/iam-simulate");
const { createValidatedPolicy, validateResourcePolicy, validateTrustPolicy } = require("@cloud-copilot/iam-policy"); // comes with the other

const simulation = ({ principal, account, action, resource, context, statements, trust, key }) => ({
  request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
  identityPolicies: statements ? [{ name: "calls", policy: policy(statements) }] : [],
  resourcePolicy: ofResource(trust, key, statements),
  serviceControlPolicies: [],
  resourceControlPolicies: [],
});

// The checked simulation wants it plain, the other checked already.
function ofResource(trust, key, statements) {
  if (trust) return createValidatedPolicy(policy(trust), validateTrustPolicy, { name: "trust" });
  return key && (statements ? policy(key) : createValidatedPolicy(policy(key), validateResourcePolicy, { name: "key" }));
}

const policy = (Statement) => ({ Version: "2012-10-17", Statement });

// Of keys that would please every condition, those that a request like this one has.
async function known({ action, resource, offered }) {
  if (!Object.keys(offered).length) return {};
  const [service, name] = action.split(":");
  const keys = await allowedContextKeysForRequest(service, name, resource, false);
  const fits = (key) => keys.some((one) => one === key || (one.includes("${") && key.startsWith(one.split("${")[0])));
  return Object.fromEntries(Object.entries(offered).filter(([key]) => fits(key.toLowerCase())));
}

// The checked simulation drops keys that it has not heard of, such as those of OIDC tokens, or the encryption context of
// who asks for itself and has no policy. The other drops none.
async function judge(question) {
  if (!question.statements) return judgeUnchecked(simulation(question));
  const context = { ...(await known(question)), ...question.context };
  const answer = await runSimulation(simulation({ ...question, context }), {});
  if (answer.resultType === "error") return { error: JSON.stringify(answer.errors) };
  // On "*" it asks about every kind of resource that the action has.
  const results = answer.resultType === "single" ? [answer.result] : answer.results;
  return { result: answer.overallResult, ignored: results.flatMap((one) => one.ignoredContextKeys) };
}

function judgeUnchecked(asked) {
  const { errors } = asked.resourcePolicy;
  return errors.length ? { error: JSON.stringify(errors) } : { result: runUnsafeSimulation(asked, {}), ignored: [] };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await judge(JSON.parse(line)).catch((error) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
