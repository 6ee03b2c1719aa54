export async function startMockApi(): Promise<void> {}
