import { expect, test } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

test('single keys are switched off, and on again', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/incidents`);
  await settled(page);
  await page.keyboard.press('Shift+?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  const single = help.getByRole('switch', { name: /Single keys act/ });
  await single.click();
  await expect(single).not.toBeChecked();
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
  await page.keyboard.press('c');
  await page.keyboard.press('g');
  await page.keyboard.press('a');
  // What has Ctrl stays, and comes after the others.
  await page.keyboard.press('Control+k');
  await expect(page.getByPlaceholder('Search incidents, jump, act…')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(/\/incidents$/);

  await page.reload();
  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Keyboard shortcuts' }).click();
  await single.click();
  await expect(single).toBeChecked();
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
  await page.keyboard.press('c');
  await expect(page).toHaveURL(/\/incidents\/new$/);
});

test('whoever listens hears which page a link opened', async ({ page }) => {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Alerts' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^Alerts$/ })).toHaveCount(1);
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Traces' }).click();
  await expect(page.getByRole('status').filter({ hasText: /^Traces$/ })).toHaveCount(1);
});

test('a dialog takes the focus and gives it back', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/settings/api-keys`);
  for (const [button, dialog] of [['Create key', 'Create an API key'], [/^Rotate /, /^Rotate /], [/^Revoke /, 'Revoke API key']] as const) {
    const opener = page.getByRole('button', { name: button }).first();
    await opener.focus();
    await page.keyboard.press('Enter');
    const opened = page.getByRole('dialog', { name: dialog });
    await expect(opened.locator(':focus')).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(opened).toHaveCount(0);
    await expect(opener).toBeFocused();
  }
});

test('what an icon does is shown to whoever comes by the keyboard', async ({ page }) => {
  await page.getByRole('button', { name: 'Search or jump to' }).focus();
  const refresh = page.getByRole('button', { name: 'Refresh', exact: true });
  for (let tabs = 0; tabs < 5 && !(await refresh.evaluate((button) => button === document.activeElement)); tabs += 1) await page.keyboard.press('Tab');
  await expect(refresh).toBeFocused();
  await expect(page.getByRole('tooltip', { name: 'Ask for everything on this page again' })).toBeVisible();
});
