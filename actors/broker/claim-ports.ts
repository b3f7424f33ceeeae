/** The ports of a configuration, claimed together or not at all. Fails as claimPort does. */
import { type BrokerConfig, withOwnNameServer } from './broker-config.ts';
import { claimPort, type PortClaim } from './port-claim.ts';
import type { BrokerHooks } from './running-broker.ts';

/** Claims what the configuration will listen on, and puts the ports found free in place of zeros. */
export async function claimPorts(config: BrokerConfig, log: BrokerHooks['log']): Promise<{ config: BrokerConfig; claims: PortClaim[] }> {
  const claims: PortClaim[] = [];
  let { nameServerPort, listenPort, vipPortEnable } = config;
  try {
    if (config.nameServerEnable) {
      const claim = await claimPort(config.nameServerHost, nameServerPort);
      claims.push(claim);
      nameServerPort = claim.port;
    }
    if (config.brokerEnable) {
      const claim = await claimPort(config.bindHost, listenPort);
      claims.push(claim);
      listenPort = claim.port;
      if (vipPortEnable) {
        try {
          claims.push(await claimPort(config.bindHost, listenPort - 2));
        } catch (error) {
          // Only clients that ask for the VIP channel miss it, and they fall back by their own rules.
          vipPortEnable = false;
          log('warn', 'the VIP port is not served', { reason: error instanceof Error ? error.message : String(error) });
        }
      }
    }
  } catch (error) {
    await Promise.all(claims.map((claim) => claim.release()));
    throw error;
  }
  const registerAddresses = withOwnNameServer(config.registerAddresses, { ...config, nameServerPort }, config.role);
  return { config: Object.freeze({ ...config, nameServerPort, listenPort, vipPortEnable, registerAddresses }), claims };
}
