<?php

declare(strict_types=1);

namespace Copilot;

use InvalidArgumentException;

/**
 * The generated rules refuse what was to be sent. Nothing was: mend the event, or leave it out, and send the others.
 * The message names the place and the rule, never the value.
 */
final class NotSent extends InvalidArgumentException
{
    /**
     * @param list<string> $faults each with its place
     * @param int|null $index where the event stands among those to be sent; `null` of a change of consent
     */
    public function __construct(
        public readonly array $faults,
        public readonly ?int $index = null,
        public readonly ?string $eventId = null,
    ) {
        $what = $index === null ? 'the consent' : "event $index (event_id " . Json::quoted($eventId) . ')';
        parent::__construct("$what, nothing was sent: " . implode('; ', $faults));
    }
}
