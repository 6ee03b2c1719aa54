import { beforeEach, expect, it, vi } from 'vitest';

/** As after the page was loaded anew: only the tab's storage is left. */
async function loaded() {
  vi.resetModules();
  return import('./drafts');
}

beforeEach(() => sessionStorage.clear());

it('keeps a draft by name, also when the page is loaded anew', async () => {
  const before = await loaded();
  before.keepDraft('comment:a', 'half a sen');
  const after = await loaded();
  expect(after.draftOf('comment:a')).toBe('half a sen');
  expect(after.draftOf('comment:b')).toBe('');
});

it('takes away what was sent and leaves what was typed since', async () => {
  const { draftOf, dropSent, keepDraft } = await loaded();
  keepDraft('a', 'first');
  dropSent('a', 'first');
  expect(draftOf('a')).toBe('');
  keepDraft('a', 'first\nsecond');
  dropSent('a', 'first');
  expect(draftOf('a')).toBe('second');
  keepDraft('a', 'the first, changed');
  dropSent('a', 'the first.');
  expect(draftOf('a')).toBe('the first, changed');
});

it('leaves nothing in the storage of what was sent', async () => {
  const { dropSent, keepDraft } = await loaded();
  keepDraft('a', 'sent');
  dropSent('a', 'sent');
  expect(sessionStorage).toHaveLength(0);
});
