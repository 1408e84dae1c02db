// Settings that both services share.
export const ISSUER = 'https://api.acme.example'
export const AUDIENCE = 'https://reports.acme.example'
export const ENVIRONMENTS = ['production', 'test']
