/** What may be saved of the wheel: whatever the order in which flights end, nothing unsettled is called settled. */
import fc from 'fast-check';
import { test } from 'tap';
import { FlightLedger } from '../../../actors/timer/flight-ledger.ts';
import { NearTimers } from '../../../actors/timer/near-timers.ts';
import { isSettled } from '../../../actors/timer/wheel-checkpoint.ts';

test('FlightLedger calls settled only what is, and in the end everything', (t) => {
  const steps = fc.array(fc.record({ step: fc.constantFrom('come', 'take', 'settle'), number: fc.nat(1000) }), { maxLength: 400 });
  fc.assert(
    fc.property(steps, (given) => {
      const ledger = new FlightLedger(64, 0, 0);
      const near = new NearTimers();
      const all: { key: number; physical: number; isOver: boolean }[] = [];
      const flying: { flight: number; index: number }[] = [];
      let end = 1;
      const check = (): void => {
        const mark = { key: ledger.doneKey, physical: ledger.donePhysical, end: ledger.seenLimit(end) };
        for (const { key, physical, isOver } of all)
          if (!isOver && isSettled([mark], key, physical)) throw new Error(`${key} at ${physical} is not settled: ${JSON.stringify(mark)}`);
      };
      const settle = (number: number): void => {
        const [{ flight, index }] = flying.splice(number % flying.length, 1) as [{ flight: number; index: number }];
        all[index]!.isOver = true;
        ledger.settle(flight);
      };
      const take = (): void => {
        const { key, physical, value } = near;
        near.pop();
        flying.push({ flight: ledger.take(key, physical), index: value });
      };
      for (const { step, number } of given) {
        if (step === 'come') {
          const timer = { key: number, physical: end, isOver: false };
          end += 10;
          ledger.came(timer.key, timer.physical);
          near.push(timer.key, timer.physical, all.push(timer) - 1);
        } else if (step === 'take' && near.size > 0 && !ledger.isFull) take();
        else if (step === 'settle' && flying.length > 0) settle(number);
        check();
      }
      while (near.size > 0 || flying.length > 0) {
        if (near.size > 0 && !ledger.isFull) take();
        else settle(0);
        check();
      }
      const mark = { key: ledger.doneKey, physical: ledger.donePhysical, end: ledger.seenLimit(end) };
      for (const { key, physical } of all) if (!isSettled([mark], key, physical)) throw new Error('all is over, and the mark says so');
      return true;
    }),
    { numRuns: 300 },
  );
  t.pass('in 300 runs');
  t.end();
});
