import { describe, expect, it } from 'vitest';
import { adviceFor, asProblem, isNotLoaded, isRetryable, Problem } from './problem';

describe('advice', () => {
  it('promises to keep trying for what is read, not for what is written', () => {
    expect(adviceFor(new Problem({ status: 0 }))).toMatch(/keeps trying/);
    expect(adviceFor(new Problem({ status: 504 }))).toMatch(/keeps trying/);
    for (const status of [0, 502, 503, 504]) {
      expect(adviceFor(new Problem({ status }, { ofWrite: true }))).toMatch(/not done twice/);
    }
    expect(adviceFor(new Problem({ status: 403 }, { ofWrite: true }))).toMatch(/owner or admin/);
  });

  it('speaks of roles only where another one would do', () => {
    expect(adviceFor(new Problem({ status: 403, rule: 'forbidden' }))).toMatch(/owner or admin/);
    for (const rule of ['proof_needed', 'registration_closed']) {
      expect(adviceFor(new Problem({ status: 403, rule }))).toBeUndefined();
    }
  });

  it('speaks of somebody faster only where somebody may have been', () => {
    expect(adviceFor(new Problem({ status: 409, rule: 'illegal_transition' }))).toMatch(/faster/);
    expect(adviceFor(new Problem({ status: 409, rule: 'name_taken' }))).toBeUndefined();
    expect(adviceFor(new Problem({ status: 409, rule: 'last_owner' }))).toBeUndefined();
  });
});

it('is told of a field with all else that it says', () => {
  const taken = new Problem({ status: 409, rule: 'name_taken', detail: 'another has the name `shop`' }, { ofWrite: true });
  const placed = taken.at('name');
  expect(placed.fields).toEqual({ name: 'another has the name `shop`' });
  expect([placed.status, placed.rule, placed.ofWrite]).toEqual([409, 'name_taken', true]);
});

it('knows a part of the console that did not arrive, however the browser says it', () => {
  const said = [
    new Error('Unable to preload CSS for /assets/LogsPage-x.css'),
    new TypeError('Failed to fetch dynamically imported module: http://localhost/assets/LogsPage-x.js'),
    new TypeError('error loading dynamically imported module: http://localhost/assets/LogsPage-x.js'),
    new TypeError('Importing a module script failed.'),
  ];
  for (const cause of said) {
    const problem = asProblem(cause);
    expect(problem.title).toBe('The page could not be loaded');
    expect(isNotLoaded(problem) && isRetryable(problem)).toBe(true);
  }
  expect(isNotLoaded(asProblem(new TypeError('Failed to fetch')))).toBe(false);
});
