<?php

declare(strict_types=1);

// The testee of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it. It knows no
// verdicts.

use Copilot\CollectClient;
use Copilot\ConsentClient;
use Copilot\Credentials;
use Copilot\Generated\Model\CollectRequest;
use Copilot\Generated\Model\ConsentChange;
use Copilot\Generated\Model\Event;
use Copilot\Json;
use Copilot\NoAnswer;
use Copilot\NotSent;
use Copilot\Refusal;
use Copilot\Time;
use Copilot\Unreadable;

require __DIR__ . '/autoload.php';

$credentials = new Credentials(getenv('COPILOT_CLIENT_ID'), getenv('COPILOT_CLIENT_SECRET'));
$collect = new CollectClient(getenv('COPILOT_CLIENT_COLLECT_ENDPOINT'), $credentials);

/** @param list<string> $texts */
$report = static function (array $texts) use ($collect): array {
    $read = static fn (string $text): object => Json::read(Json::decode($text), Event::class);
    $events = array_map($read, $texts);
    $answer = $collect->collect((new CollectRequest())->setEvents($events));
    $listed = array_flip(['event_id', 'index', 'error']);
    $known = static fn (object $refused): object =>
        (object) array_intersect_key(get_object_vars($refused->jsonSerialize()), $listed);
    return [
        'taken' => true,
        'invalid_events' => array_map($known, $answer->getInvalidEvents() ?? []),
        'read_as' => $events[0]->getModelName(),
    ];
};

$decide = static function (stdClass $asked) use ($credentials): array {
    $pair = isset($asked->client_id) ? new Credentials($asked->client_id, $asked->client_secret) : $credentials;
    $consent = new ConsentClient(getenv('COPILOT_CLIENT_CONSENT_ENDPOINT'), $pair);
    $consent->setConsent(Json::read(Json::decode($asked->change), ConsentChange::class));
    return ['taken' => true];
};

while (($line = fgets(STDIN)) !== false) {
    $asked = Json::decode($line);
    try {
        $said = match ($asked->do) {
            'collect' => $report($asked->events),
            'set_consent' => $decide($asked),
            'read_time' => ['epoch_ms' => Time::fromUtc($asked->text)],
            'write_time' => ['text' => Time::toUtc(Time::ofEvent($asked->value, $asked->now))],
        };
    } catch (Refusal $refused) {
        $said = ['status' => $refused->status, 'reason' => $refused->reason];
    } catch (NoAnswer | Unreadable $failed) {
        $said = ['error' => $failed->getMessage()];
    } catch (NotSent) {
        $said = ['refused' => 'validator'];
    } catch (JsonException | TypeError | UnexpectedValueException | InvalidArgumentException) {
        // What is no JSON, what is not of its type, and what a setter or the credentials refuse.
        $said = ['refused' => 'types'];
    }
    echo Json::encode((object) $said), "\n";
}
