//! rdkafka's mock cluster: real sockets, no real Kafka.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use async_trait::async_trait;
use bus::TopicSpec;
use rdkafka::mocking::MockCluster;

use crate::world::Server;

enum Order {
    Topic(String, i32),
    Down,
    Up,
    AnswersAfter(Duration),
}

/// A cluster of one broker on a thread of its own, as it cannot be sent between threads. Ends with its owner.
#[derive(Clone)]
pub struct Mock(Sender<(Order, Sender<()>)>);

impl Mock {
    /// The cluster and its address.
    pub fn start() -> (Mock, String) {
        let (orders, inbox) = channel();
        let (tell, address) = channel();
        std::thread::spawn(move || serve(&inbox, &tell));
        (Mock(orders), address.recv().unwrap())
    }

    pub fn make_topic(&self, spec: &TopicSpec) {
        self.order(Order::Topic(spec.name.clone(), spec.partitions));
    }

    /// From here on the broker takes so long for each answer.
    pub fn answer_after(&self, delay: Duration) {
        self.order(Order::AnswersAfter(delay));
    }

    fn order(&self, order: Order) {
        let (done, wait) = channel();
        self.0.send((order, done)).unwrap();
        wait.recv().unwrap();
    }
}

fn serve(inbox: &Receiver<(Order, Sender<()>)>, tell: &Sender<String>) {
    let cluster = MockCluster::new(1).unwrap();
    tell.send(cluster.bootstrap_servers()).unwrap();
    for (order, done) in inbox {
        match order {
            Order::Topic(name, partitions) => cluster.create_topic(&name, partitions, 1).unwrap(),
            Order::Down => cluster.broker_down(1).unwrap(),
            Order::Up => cluster.broker_up(1).unwrap(),
            Order::AnswersAfter(delay) => cluster.broker_round_trip_time(1, delay).unwrap(),
        }
        done.send(()).unwrap();
    }
}

#[async_trait]
impl Server for Mock {
    async fn kill(&self) {
        self.order(Order::Down);
    }

    async fn revive(&self) {
        self.order(Order::Up);
    }
}
