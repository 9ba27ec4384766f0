// A real OpenID provider on a free loopback port. Prints the address of its issuer when it is ready.
// Any user can sign in with any password. mallory is in no group that the role accepts.
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import Provider from 'oidc-provider';

const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;
// Converted through PEM: Node 20 hangs forever if a garbage collection happens while it exports a
// generated key as JWK.
const { privateKey: pem } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const privateKey = createPrivateKey(pem);

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['test-only'] },
  clients: [
    {
      client_id: 'vault', // used by Vault's oidc method to sign people in
      client_secret: 'vault-secret',
      application_type: 'native', // a loopback redirect on any port (RFC 8252, 7.3)
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: ['http://localhost/oidc/callback', 'http://127.0.0.1/v1/auth/oidc/oidc/callback'],
    },
    {
      client_id: 'cli', // used by claude-vault itself, without a secret; Vault's jwt method accepts the ID token
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      redirect_uris: ['http://localhost/oidc/callback'],
    },
  ],
  claims: { openid: ['sub'], email: ['email'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: true }, deviceFlow: { enabled: true } },
  findAccount: async (_ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: `${id}@lab.test`, groups: id === 'mallory' ? ['guests'] : ['homelab'] }),
  }),
});
server.on('request', provider.callback());
console.log(issuer);
