;; Moves the records of consecutive units out of one block of the log to where they are wanted, as long as each is sound and
;; lies wholly in the block: one call for what would be a call a record. Numbers in units and records are big-endian.
;; A unit: physical offset 8, size 4, tag code 8. A record begins: size 4, magic 4, …, physical offset at 28.
(module
  (import "memory" "blocks" (memory $blocks 1))
  (import "memory" "slots" (memory $slots 1 65536 shared))
  ;; How many units were served by the last call.
  (global $served (export "served") (mut i32) (i32.const 0))

  (func $swap64 (param $x i64) (result i64)
    (local.set $x
      (i64.or
        (i64.shl (i64.and (local.get $x) (i64.const 0x00ff00ff00ff00ff)) (i64.const 8))
        (i64.and (i64.shr_u (local.get $x) (i64.const 8)) (i64.const 0x00ff00ff00ff00ff))))
    (local.set $x
      (i64.or
        (i64.shl (i64.and (local.get $x) (i64.const 0x0000ffff0000ffff)) (i64.const 16))
        (i64.and (i64.shr_u (local.get $x) (i64.const 16)) (i64.const 0x0000ffff0000ffff))))
    (i64.rotl (local.get $x) (i64.const 32)))

  ;; Units from address $unit up to $unitsEnd; the block's bytes [0, $length) lie at $block and in the log at $base; $to and $end in
  ;; the slots. Returns the address behind the last record that was moved.
  (func (export "move")
    (param $unit i32) (param $unitsEnd i32) (param $base f64) (param $block i32) (param $length i32) (param $to i32) (param $end i32)
    (result i32)
    (local $first i32) (local $physical i64) (local $start i64) (local $from i64) (local $size i32) (local $record i32)
    (local.set $first (local.get $unit))
    (local.set $start (i64.trunc_sat_f64_s (local.get $base)))
    (block $stop
      (loop $next
        (br_if $stop (i32.ge_u (local.get $unit) (local.get $unitsEnd)))
        (local.set $physical (i64.load align=1 (local.get $unit)))
        (local.set $from (i64.sub (call $swap64 (local.get $physical)) (local.get $start)))
        ;; The size's four bytes as the lower half of a swapped pair.
        (local.set $size
          (i32.wrap_i64 (i64.shr_u (call $swap64 (i64.load offset=8 align=1 (local.get $unit))) (i64.const 32))))
        (br_if $stop (i32.lt_s (local.get $size) (i32.const 36)))
        (br_if $stop (i32.gt_u (local.get $size) (i32.sub (local.get $end) (local.get $to))))
        ;; Before the block: as an unsigned number it is huge.
        (br_if $stop (i64.gt_u (local.get $from) (i64.extend_i32_u (local.get $length))))
        (br_if $stop
          (i64.gt_u (i64.add (local.get $from) (i64.extend_i32_u (local.get $size))) (i64.extend_i32_u (local.get $length))))
        (local.set $record (i32.add (local.get $block) (i32.wrap_i64 (local.get $from))))
        (br_if $stop (i32.ne (i32.load align=1 (local.get $record)) (i32.load offset=8 align=1 (local.get $unit))))
        ;; The two magics, 0xdaa320a7 and 0xdaa320ab.
        (br_if $stop
          (i32.and
            (i32.ne (i32.load offset=4 align=1 (local.get $record)) (i32.const 0xa720a3da))
            (i32.ne (i32.load offset=4 align=1 (local.get $record)) (i32.const 0xab20a3da))))
        (br_if $stop (i64.ne (i64.load offset=28 align=1 (local.get $record)) (local.get $physical)))
        (memory.copy $slots $blocks (local.get $to) (local.get $record) (local.get $size))
        (local.set $to (i32.add (local.get $to) (local.get $size)))
        (local.set $unit (i32.add (local.get $unit) (i32.const 20)))
        (br $next)))
    (global.set $served (i32.div_u (i32.sub (local.get $unit) (local.get $first)) (i32.const 20)))
    (local.get $to)))
