import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';
import { fail } from './failing';

test.beforeEach(async ({ page }) => logIn(page));

const settings = (tab: string) => `/p/${PROJECT}/settings/${tab}`;
const dialog = (page: Page) => page.getByRole('dialog');

async function addIntegration(page: Page): Promise<void> {
  await page.goto(settings('integrations'));
  await page.getByRole('button', { name: 'Add integration' }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('Prometheus of Oslo');
  await dialog(page).getByLabel('Address').fill('http://prometheus.osl:9090');
}

for (const [how, words] of [
  [503, 'what has arrived is not done twice'],
  [429, 'wait 12 s'],
] as const) {
  test(`what was typed outlives ${how}, and is sent again from the same form`, async ({ page }) => {
    await addIntegration(page);
    const keys = await fail(page, { on: 'POST /api/v1/monitoring-integrations', times: 1, how, body: { title: 'Failed', detail: how === 429 ? 'wait 12 s' : undefined } });
    const send = dialog(page).getByRole('button', { name: 'Add integration' });
    await send.click();
    await expect(dialog(page).getByRole('alert')).toContainText(words);
    await expect(dialog(page).getByLabel('Address')).toHaveValue('http://prometheus.osl:9090');
    await expect(send).toBeEnabled();
    await send.click();
    await expect(dialog(page)).toHaveCount(0);
    await expect(page.getByRole('row', { name: /Prometheus of Oslo/ })).toHaveCount(1);
    const [first, second] = await keys();
    if (how === 429) expect(second).not.toBe(first);
    else expect(second).toBe(first);
  });
}

test('a field that is wrong is told at it, and one that the form does not have above it', async ({ page }) => {
  await page.goto(settings('api-keys'));
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog(page).getByLabel('Name').fill('ci');
  const errors = [{ field: 'name', message: '`ci` is taken' }, { field: 'expires_at', message: 'lies in the past' }];
  await fail(page, { on: 'POST /api/v1/api-keys', times: 1, how: 422, body: { detail: 'name: `ci` is taken; expires_at: lies in the past', errors } });
  await dialog(page).getByRole('button', { name: 'Create key' }).click();
  await expect(dialog(page).getByLabel('Name')).toHaveAttribute('aria-invalid', 'true');
  await expect(dialog(page).getByRole('alert')).toContainText('expires_at: lies in the past');
});

test('neither Escape nor a click beside a form throws away what was typed', async ({ page }) => {
  await addIntegration(page);
  await page.keyboard.press('Escape');
  await expect(dialog(page).getByRole('alert')).toContainText('What you wrote is not saved');
  await dialog(page).getByRole('button', { name: 'Go on writing' }).click();
  await expect(dialog(page).getByLabel('Address')).toBeFocused();
  await page.mouse.click(5, 5);
  await expect(dialog(page).getByLabel('Address')).toHaveValue('http://prometheus.osl:9090');
  await dialog(page).getByRole('button', { name: 'Throw it away' }).click();
  await expect(dialog(page)).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Add integration' })).toBeFocused();
});

test('a key that can be read once is not lost by Escape or a click beside it', async ({ page }) => {
  await page.goto(settings('api-keys'));
  await page.getByRole('button', { name: 'Create key' }).click();
  await dialog(page).getByLabel('Name').fill('ci');
  await dialog(page).getByRole('button', { name: 'Create key' }).click();
  await expect(page.getByTestId('api-key')).toContainText('srec_');
  await page.keyboard.press('Escape');
  await page.mouse.click(5, 5);
  await expect(page.getByTestId('api-key')).toContainText('srec_');
  await page.getByRole('button', { name: 'I have copied it' }).click();
  await expect(dialog(page)).toHaveCount(0);
});

test('whoever was slower is told what it is now, keeps their text and may send it knowingly', async ({ page }) => {
  await page.goto(settings('integrations'));
  await page.getByRole('button', { name: 'Rename Collector' }).click();
  await dialog(page).getByLabel('Name', { exact: true }).fill('Collector of Oslo');
  await fail(page, { on: 'PATCH /api/v1/monitoring-integrations/', times: 1, how: 412, body: { title: 'Precondition Failed', rule: 'stale_version' } });
  await dialog(page).getByRole('button', { name: 'Rename' }).click();
  await expect(dialog(page).getByRole('alert')).toContainText('Somebody was faster');
  await expect(dialog(page).getByRole('status')).toContainText(/Its name is .*Collector.* by now/);
  await expect(dialog(page).getByLabel('Name', { exact: true })).toHaveValue('Collector of Oslo');
  await dialog(page).getByRole('button', { name: 'Rename' }).click();
  await expect(page.getByRole('row', { name: /Collector of Oslo/ })).toBeVisible();
});

test('a change without a form of its own says why it failed, and what to do', async ({ page }) => {
  await page.goto(settings('audit'));
  await settled(page);
  await fail(page, { on: 'PUT /api/v1/audit/retention', times: 1, how: 'lost' });
  await page.getByRole('combobox', { name: 'Keep entries for' }).click();
  await page.getByRole('option', { name: 'Keep 90 days' }).click();
  const asked = page.getByRole('dialog', { name: 'Keep entries for fewer days' });
  await expect(asked).toContainText('deleted for good');
  await asked.getByRole('button', { name: 'Keep 90 days' }).click();
  await expect(page.getByText('It may have arrived all the same. Send it again')).toBeVisible();
});

test('the name of a view outlives the menu', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/logs?q=timeout`);
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByLabel('Name of the view').fill('Time-outs of the shop');
  await page.getByRole('heading', { name: 'Logs', level: 1 }).click();
  await expect(page.getByLabel('Name of the view')).toHaveCount(0);
  await page.getByRole('button', { name: 'Views' }).click();
  await expect(page.getByLabel('Name of the view')).toHaveValue('Time-outs of the shop');
});

test('Escape in a proof goes back to the form behind it', async ({ page }) => {
  await page.goto(settings('single-sign-on'));
  await page.getByRole('button', { name: 'Set up' }).click();
  const form = page.getByRole('dialog', { name: 'Single sign-on' });
  await form.getByLabel('Issuer').fill('https://login.example.com');
  await form.getByLabel('Client id').fill('console');
  await fail(page, { on: 'PUT /api/v1/single-sign-on', times: 1, how: 403, body: { rule: 'proof_needed', title: 'Forbidden' } });
  await form.getByRole('button', { name: 'Save' }).click();
  const proof = page.getByRole('dialog', { name: 'Is it still you?' });
  await expect(proof).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(proof).toHaveCount(0);
  await expect(form.getByLabel('Issuer')).toHaveValue('https://login.example.com');
  await expect(form.getByText('What you wrote is not saved')).toHaveCount(0);
});
