import { expect, test } from '@playwright/test';
import { firing } from '../alertmanager';
import { logIn, PROJECT, settled } from '../pages';
import { fail } from './failing';

test.beforeEach(async ({ page }) => {
  await logIn(page);
  await page.goto(`/p/${PROJECT}/incidents`);
  await settled(page);
});

test('filters live in the URL and Back undoes the page, not the filter', async ({ page }) => {
  const table = page.getByRole('table', { name: 'Incidents' });
  await expect(table.getByRole('row')).toHaveCount(6);
  await page.getByText('SEV1', { exact: true }).first().click();
  await expect(page).toHaveURL(/severity=SEV1/);
  await expect(table.getByRole('row')).toHaveCount(2);

  await page.keyboard.press('Escape');
  await page.getByRole('searchbox', { name: 'Search incidents' }).fill('checkout');
  await expect(page).toHaveURL(/q=checkout/);
  await page.reload();
  await expect(table.getByRole('link', { name: /Checkout answers 502/ })).toBeVisible();
  await table.getByRole('link', { name: /Checkout answers 502/ }).click();
  await expect(page.getByRole('list', { name: 'Progress' })).toBeVisible();
  await page.goBack();
  await expect(page).toHaveURL(/severity=SEV1.*q=checkout/);
});

test('while another list is asked for the one before stays, and is seen to be old', async ({ page }) => {
  const table = page.getByRole('table', { name: 'Incidents' });
  await expect(table.getByRole('row')).toHaveCount(6);
  await fail(page, { on: 'GET /api/v1/incidents', times: 0, how: 500, afterMs: 1_500 });
  await page.getByText('SEV1', { exact: true }).first().click();
  await expect(page.locator('[aria-busy="true"]').filter({ has: table })).toHaveCount(1);
  await expect(table.getByRole('row')).toHaveCount(6);
  await expect(table.getByRole('row')).toHaveCount(2);
  await expect(page.locator('[aria-busy="true"]').filter({ has: table })).toHaveCount(0);
});

test('its headers order the list, and the order lives in the URL', async ({ page }) => {
  const table = page.getByRole('table', { name: 'Incidents' });
  const severity = table.getByRole('columnheader', { name: 'Severity' });
  const opened = table.getByRole('columnheader', { name: 'Opened' });
  const severities = async () => (await table.locator('tbody tr td:nth-child(2)').allInnerTexts()).join(' ');
  await expect(opened).toHaveAttribute('aria-sort', 'descending');
  const newest = await severities();
  const worst = newest.split(' ').toSorted().join(' ');
  expect(newest).not.toEqual(worst);

  await severity.getByRole('button').click();
  await expect(page).toHaveURL(/order=worst/);
  await expect(severity).toHaveAttribute('aria-sort', 'descending');
  await expect.poll(severities).toEqual(worst);
  await page.reload();
  await expect.poll(severities).toEqual(worst);

  await opened.getByRole('button').click();
  await expect.poll(severities).toEqual(newest);
  await opened.getByRole('button').click();
  await expect(page).toHaveURL(/order=oldest/);
  await expect.poll(severities).toEqual(newest.split(' ').toReversed().join(' '));
});

test('the list is walked and worked by keyboard', async ({ page }) => {
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await expect(page.getByRole('link', { name: /KubePodCrashLooping/ })).toBeFocused();
  await page.keyboard.press('a');
  await expect(page.getByRole('row', { name: /INC-160/ })).toContainText('Acknowledged');
  await page.keyboard.press('/');
  await expect(page.getByRole('searchbox', { name: 'Search incidents' })).toBeFocused();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Shift+?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
});

test('g and a letter jumps and does nothing else', async ({ page }) => {
  await page.getByRole('link', { name: /KubePodCrashLooping/ }).click();
  await settled(page);
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  await expect(page.getByRole('heading', { name: 'Alerts', level: 1 })).toBeVisible();
  await page.goBack();
  await settled(page);
  await expect(page.getByRole('list', { name: 'Progress' }).locator('[aria-current="step"]')).toContainText('Detected');
});

test('several incidents are resolved at once, and refusals are named', async ({ page }) => {
  await page.getByRole('checkbox', { name: 'Select INC-159' }).check();
  await page.getByRole('checkbox', { name: 'Select INC-158' }).check();
  await page.getByRole('toolbar').getByRole('button', { name: 'Acknowledge' }).click();
  await expect(page.getByText('0 of 2 acknowledged')).toBeVisible();
  await expect(page.getByText(/INC-159 is investigating\. Possible now: mitigate, resolve, merge/)).toBeVisible();

  await page.getByRole('checkbox', { name: 'Select INC-159' }).check();
  await page.getByRole('checkbox', { name: 'Select INC-158' }).check();
  await page.getByRole('toolbar').getByRole('button', { name: 'Resolve' }).click();
  await expect(page.getByText('2 of 2 resolved')).toBeVisible();
  await expect(page.getByRole('link', { name: /Checkout answers 502/ })).toHaveCount(0);
});

test('what a filter hides is not selected any more, also when it comes back', async ({ page }) => {
  const select = page.getByRole('checkbox', { name: 'Select INC-158' });
  await select.check();
  await expect(page.getByRole('toolbar')).toContainText('1 selected');
  await page.getByRole('searchbox', { name: 'Search incidents' }).fill('KubePodCrashLooping');
  await expect(select).toHaveCount(0);
  await expect(page.getByRole('toolbar')).toHaveCount(0);
  await page.getByRole('searchbox', { name: 'Search incidents' }).fill('');
  await expect(select).not.toBeChecked();
  await expect(page.getByRole('toolbar')).toHaveCount(0);
});

test('a new incident appears in the list without a reload', async ({ page }) => {
  await page.evaluate(
    (body) =>
      fetch('/api/v1/webhooks/alertmanager', {
        method: 'POST',
        headers: { Authorization: 'Bearer srec_mock_ingest_key' },
        body,
      }),
    JSON.stringify(firing('Live', 'critical', 'It came by itself')),
  );
  await expect(page.getByRole('link', { name: 'It came by itself' })).toBeVisible();
});

test('a long list is loaded page by page', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents?status=all`);
  const table = page.getByRole('table', { name: 'Incidents' });
  await expect(table).toHaveAttribute('aria-rowcount', '51');
  for (const rows of ['101', '151', '161']) {
    await page.getByRole('button', { name: 'Load more' }).click();
    await expect(table).toHaveAttribute('aria-rowcount', rows);
  }
  await expect(page.getByRole('button', { name: 'Load more' })).toHaveCount(0);

  // Of a long list only the rows near the screen are in the document; the last one comes when it is scrolled to.
  expect(await table.getByRole('row').count()).toBeLessThan(120);
  await page.mouse.wheel(0, 20_000);
  const last = table.locator('tr[aria-rowindex="161"]');
  await expect(last).toBeInViewport();
  const gap = await last.evaluate((row) => {
    const bottom = row.closest('table')?.getBoundingClientRect().bottom ?? 0;
    return Math.abs(bottom - row.getBoundingClientRect().bottom);
  });
  expect(gap).toBeLessThan(2);
});

test('the palette finds an incident and opens it', async ({ page }) => {
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search incidents, jump, act…').fill('db-primary');
  await expect(page.getByRole('button', { name: /Disk of db-primary/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /Disk of db-primary/ })).toBeVisible();
});

test('the palette opens a trace by its id, and looks elsewhere for what is no incident', async ({ page }) => {
  const box = page.getByPlaceholder('Search incidents, jump, act…');
  await page.keyboard.press('Control+k');
  await box.fill('PoolTimeout');
  await expect(page.getByText('No incident matches')).toBeVisible();
  await page.getByRole('button', { name: 'Search logs for “PoolTimeout”' }).click();
  await expect(page).toHaveURL(/\/logs\?.*q=PoolTimeout/);
  await page.keyboard.press('Control+k');
  await box.fill('00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/traces\/4bf92f3577b34da6a3ce929d0e0e4736/);
});

test('the palette leads to every page of the settings', async ({ page }) => {
  await page.keyboard.press('Control+k');
  await page.getByPlaceholder('Search incidents, jump, act…').fill('go to audit');
  await expect(page.getByRole('button', { name: 'Go to audit', exact: true })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/settings\/audit/);
});

test('the overview shows the worst open incidents first', async ({ page }) => {
  await page.goto(`/p/${PROJECT}`);
  await expect(page.getByRole('region', { name: 'Recent activity' })).toContainText('Of the 50 incidents that began last');
  const rows = page.getByRole('table', { name: 'Open incidents' }).getByRole('row');
  await expect(rows.nth(1)).toContainText('SEV1');
  const severities = (await rows.allInnerTexts()).flatMap((text) => /SEV\d/.exec(text) ?? []);
  expect(new Set(severities).size).toBeGreaterThan(1);
  expect(severities).toEqual(severities.toSorted());
});
