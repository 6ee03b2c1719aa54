import { expect, test } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

const at = (path: string) => `/p/${PROJECT}${path}`;

test('times that count back from now are read', async ({ page }) => {
  await page.goto(at('/logs?from=now-1h&to=now'));
  await expect(page.getByRole('list', { name: 'Lines', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Time range: Last hour' })).toBeVisible();
  await expect(page.getByText('cannot be used')).toHaveCount(0);
});

for (const [path, trouble, heading] of [
  ['?from=yesterday&to=now', '“yesterday” is no time. Shown instead: last 30 days.', 'Overview'],
  ['/traces?from=2026-11-30&to=x', '“x” is no time. Shown instead: last hour.', 'Traces'],
  ['/traces?range=2w', '“2w” is no range. Shown instead: last hour.', 'Traces'],
  ['?from=now-2h', '“now-2h” is a beginning without an end (to). Shown instead: last 30 days.', 'Overview'],
  ['/logs?from=2026-11-30T12:00:00Z&to=2026-11-29T12:00:00Z', 'It ends before it begins. Shown instead: last hour.', 'Logs'],
] as const) {
  test(`a time that cannot be used is told once: ${path}`, async ({ page }) => {
    await page.goto(at(path));
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
    await expect(page.getByRole('status').filter({ hasText: 'The time range of this address cannot be used' })).toHaveCount(1);
    await expect(page.getByText(trouble)).toBeVisible();
    await settled(page);
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
}

test('a level that there is not breaks no panel', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(at('/logs?level=foo,error'));
  await expect(page.getByText(/“.*foo.*” is no level/)).toBeVisible();
  await expect(page.getByRole('list', { name: 'Filters' }).getByRole('listitem')).toHaveText(['level error']);
  await expect(page.getByRole('list', { name: 'Lines', exact: true })).toBeVisible();
  expect(asked.filter((url) => url.includes('/api/') && url.includes('foo'))).toEqual([]);
  await page.getByRole('list', { name: 'Filters' }).getByRole('button', { name: 'Remove level error' }).click();
  await expect(page).not.toHaveURL(/level=/);
});

test('the range says the year where it is another one', async ({ page }) => {
  await page.goto(at('/metrics?from=1970-01-01T10:00:00Z&to=1970-01-02T10:00:00Z'));
  await expect(page.getByRole('button', { name: /Time range: .*1970/ })).toBeVisible();
});

for (const [path, trouble, shown] of [
  ['/incidents?status=foo,resolved&severity=SEV9,SEV1&assignee=mira&order=up', [/foo.* is no status\./, /SEV9.* is no severity\./, /mira.* is no id of a person\./, /up.* is no order\./], 'Only resolved'],
  ['/alerts?status=burning&alert=HighLatency', [/burning.* is no status of alerts\./, /HighLatency.* is no id of an alert\./], 'Firing'],
  ['/settings/audit?kind=foo&result=maybe&actor=mira&target=incident', [/foo.* is no kind/, /maybe.* is no result\./, /mira.* is nobody who acts\./, /incident.* is nothing that has a history\./], 'All'],
] as const) {
  test(`filters that cannot be used are told, left out, and the rest is shown: ${path}`, async ({ page }) => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(decodeURIComponent(request.url())));
    await page.goto(at(path));
    const told = page.getByRole('status').filter({ hasText: 'A part of this address cannot be used' });
    await expect(told).toHaveCount(1);
    for (const words of trouble) await expect(told.getByText(words)).toBeVisible();
    await settled(page);
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(page.getByRole('radio', { name: shown, exact: true }).first()).toBeChecked();
    expect(asked.filter((url) => url.includes('/api/') && /foo|SEV9|burning|HighLatency|maybe|mira|target_|order=up/.test(url))).toEqual([]);
  });
}

test('what is left of a filter is what is searched for, and choosing another takes the rest away', async ({ page }) => {
  await page.goto(at('/incidents?status=all&severity=SEV9,SEV1'));
  const table = page.getByRole('table', { name: 'Incidents' });
  await expect(table.getByText('SEV1').first()).toBeVisible();
  await expect(table.getByText('SEV2')).toHaveCount(0);
  await page.getByRole('group', { name: 'Severity' }).getByText('SEV2', { exact: true }).click();
  await expect(page).toHaveURL(/severity=SEV1,SEV2/);
  await expect(page.getByText('A part of this address cannot be used')).toHaveCount(0);
});

test('a status that only a link asks for is seen among the filters', async ({ page }) => {
  await page.goto(at('/incidents?status=acknowledged'));
  await expect(page.getByRole('radio', { name: 'Only acknowledged', exact: true })).toBeChecked();
});

test('conditions on traces and a step that cannot be read are told', async ({ page }) => {
  await page.goto(at('/traces?min=soon&q=timeout&errors=true'));
  for (const words of [/soon.* is no duration\./, /timeout.* is no condition on attributes\./, /true.* is no answer/]) {
    await expect(page.getByRole('status').getByText(words)).toBeVisible();
  }
  await page.goto(at('/metrics?a=up&step=often'));
  await expect(page.getByText(/often.* is no step\./)).toBeVisible();
  await expect(page.getByRole('combobox', { name: 'Step' })).toHaveValue('Step: auto');
});
