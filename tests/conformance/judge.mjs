// Holds what the conformance suite has found against the lists of what does not apply, and prints it as a table. It must
// not excuse anything that a list does not name with its reason.
//
//   judge.mjs LISTS RESULTS REVISION…

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [lists, results, ...revisions] = process.argv.slice(2);

/** What does not apply: scenarios, and single checks as `scenario:check`, each with its reason. */
function excused(file) {
  const reasons = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const entry = /^ *- +(\S+)(?: +# *(.+))?$/.exec(line);
    if (!entry) continue;
    if (!entry[2]) throw new Error(`${file}: ${entry[1]} has no reason`);
    reasons.set(entry[1], entry[2]);
  }
  return reasons;
}

/** The checks of each scenario that was run. */
function found(folder) {
  const scenarios = new Map();
  for (const name of readdirSync(folder).sort()) {
    const scenario = /^server-(.+)-\d{4}-\d\d-\d\dT/.exec(name);
    if (!scenario) throw new Error(`${folder}/${name} is nothing that the suite leaves`);
    scenarios.set(scenario[1], JSON.parse(readFileSync(join(folder, name, 'checks.json'), 'utf8')));
  }
  return scenarios;
}

const rows = [];
let passed = 0;
let failed = 0;

function row(revision, scenario, verdict) {
  rows.push([revision, scenario, verdict]);
}

/** A warning is what the protocol says a server should do: that counts too. */
const wrong = (check) => check.status === 'FAILURE' || check.status === 'WARNING';

function judge(revision, scenario, checks, reasons) {
  const bad = checks.filter(wrong);
  // Beside the scenario's own checks there is one of every message's form, which holds whatever applies.
  const own = (check) => !check.id.startsWith('wire-schema-');
  const fail = (why) => {
    failed += 1;
    row(revision, scenario, `FAILED: ${why}`);
  };
  const tell = (check) => `${check.id}: ${check.errorMessage ?? check.description}`;
  const reason = reasons.get(scenario);
  reasons.delete(scenario);
  if (reason) {
    const form = bad.filter((check) => !own(check));
    if (form.length > 0) return fail(form.map(tell).join('; '));
    const passes = bad.length === 0 && checks.some((check) => own(check) && check.status === 'SUCCESS');
    return passes
      ? fail(`it passes; take it out of ${revision}.yaml`)
      : row(revision, scenario, `not applicable: ${reason}`);
  }
  const apart = new Map();
  const left = bad.filter((check) => {
    const why = reasons.get(`${scenario}:${check.id}`);
    if (why) apart.set(check.id, why);
    return !why;
  });
  for (const entry of [...reasons.keys()]) {
    if (!entry.startsWith(`${scenario}:`)) continue;
    reasons.delete(entry);
    if (!apart.has(entry.slice(scenario.length + 1))) left.push({ id: entry, errorMessage: 'it is in the list and passes' });
  }
  if (left.length > 0) return fail(left.map(tell).join('; '));
  if (!checks.some((check) => own(check) && check.status === 'SUCCESS')) return fail('nothing was checked');
  passed += 1;
  row(revision, scenario, 'passed');
  for (const [check, why] of apart) row(revision, `  ${check}`, `not applicable: ${why}`);
}

for (const revision of revisions) {
  const reasons = excused(join(lists, `${revision}.yaml`));
  const scenarios = found(join(results, revision));
  const log = readFileSync(join(results, `${revision}.log`), 'utf8');
  const meant = Number(/^Running requirements \S+ \((\d+) scenarios\)/m.exec(log)?.[1]);
  if (scenarios.size !== meant) {
    failed += 1;
    row(revision, '*', `FAILED: ${scenarios.size} of ${meant} scenarios were run; see ${revision}.log`);
  }
  for (const [scenario, checks] of scenarios) judge(revision, scenario, checks, reasons);
  for (const entry of reasons.keys()) {
    failed += 1;
    row(revision, entry, `FAILED: the suite has no such scenario; take it out of ${revision}.yaml`);
  }
}
const width = Math.max(...rows.map((row) => row[1].length));
for (const [revision, scenario, verdict] of rows) console.log(`${revision}  ${scenario.padEnd(width)}  ${verdict}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
