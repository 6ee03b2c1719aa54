import type { ApiKey } from '../api/types';

export function stateOf(apiKey: ApiKey): 'active' | 'expired' | 'revoked' {
  if (apiKey.revoked_at) return 'revoked';
  return apiKey.expires_at && new Date(apiKey.expires_at).getTime() <= Date.now() ? 'expired' : 'active';
}
